"""Who may talk to a server, and how: encryption of both APIs, and a token."""

import hmac
import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc

from nst_keras.errors import InputError
from nst_keras.serving.protocol.status_codes import ServingError
from nst_keras.serving.protocol.tls import tls_context
from nst_keras.storage.files import open_file


@dataclass(frozen=True)
class Tls:
    """PEM files of a server's certificate, its key, and the authority by which clients' are checked, if any.

    Raises:
        InputError: If a file can't be read, or certificate and key aren't a pair.
    """

    certificate: str
    key: str
    client_authority: str = ""

    def __post_init__(self) -> None:
        """Looks at the files."""
        self.context()

    def credentials(self) -> grpc.ServerCredentials:
        """For gRPC."""
        pair = Path(self.key).read_bytes(), Path(self.certificate).read_bytes()
        authority = Path(self.client_authority).read_bytes() if self.client_authority else None
        return grpc.ssl_server_credentials([pair], authority, authority is not None)

    def context(self) -> ssl.SSLContext:
        """For HTTP."""
        return tls_context(
            ssl.Purpose.CLIENT_AUTH,
            authority=self.client_authority,
            certificate=self.certificate,
            key=self.key,
        )


class Token:
    """A secret word, in a file, that requests have to hold; without a file none has to.

    Raises:
        InputError: If the file can't be read, or is empty.
    """

    def __init__(self, path: str) -> None:
        self._wanted = ""
        if path:
            with open_file(path) as file:
                self._wanted = f"Bearer {file.read().decode(errors='replace').strip()}"
            if self._wanted == "Bearer ":
                raise InputError(f"{path}: must hold a token. Received: nothing")

    def check(self, authorization: str) -> None:
        """Raises ServingError unless the header `Authorization` of a request is `Bearer` and the token."""
        if self._wanted and not hmac.compare_digest(authorization.encode(), self._wanted.encode()):
            raise ServingError(
                "UNAUTHENTICATED", "the request must have the header Authorization: Bearer TOKEN"
            )
