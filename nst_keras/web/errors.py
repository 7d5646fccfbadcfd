"""Errors that an HTTP server answers with."""

from nst_keras.errors import InputError


class HttpError(InputError):
    """A request that can't be answered as it is, with the HTTP status that says so."""

    def __init__(self, http_status: int, message: str) -> None:
        super().__init__(message)
        self.http_status = http_status
