"""Errors as the serving API names them, and the HTTP status that each has there."""

from nst_keras.web.errors import HttpError

# gRPC's codes; HTTP statuses as in TensorFlow Serving's http_server.cc (ToHTTPStatusCode).
HTTP_STATUSES = {
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
    "UNAUTHENTICATED": 401,
}

# What HTTP itself adds: a body that is too large or too slow.
_OWN_STATUSES = {408: "DEADLINE_EXCEEDED", 413: "INVALID_ARGUMENT"}


class ServingError(HttpError):
    """A request that wasn't answered: gRPC's name of the reason, such as NOT_FOUND, and the HTTP status."""

    def __init__(self, code: str, message: str, http_status: int = 0) -> None:
        super().__init__(http_status or HTTP_STATUSES[code], message)
        self.code = code


def invalid(message: str) -> ServingError:
    """The error for a request that can't be answered as it is."""
    return ServingError("INVALID_ARGUMENT", message)


def code_of(http_status: int) -> str:
    """The gRPC code for an HTTP status; of several the most general one."""
    codes = {status: code for code, status in reversed(HTTP_STATUSES.items())} | _OWN_STATUSES
    return codes.get(http_status, "INVALID_ARGUMENT" if 400 <= http_status < 500 else "UNKNOWN")
