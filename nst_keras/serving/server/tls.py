"""Encryption of both APIs, with a certificate from files."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc

from nst_keras.errors import InputError
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
        for path in filter(None, (self.certificate, self.key, self.client_authority)):
            with open_file(path):
                pass
        self.context()

    def credentials(self) -> grpc.ServerCredentials:
        """For gRPC."""
        pair = Path(self.key).read_bytes(), Path(self.certificate).read_bytes()
        authority = Path(self.client_authority).read_bytes() if self.client_authority else None
        return grpc.ssl_server_credentials([pair], authority, authority is not None)

    def context(self) -> ssl.SSLContext:
        """For HTTP."""
        try:
            context = ssl.create_default_context(
                ssl.Purpose.CLIENT_AUTH, cafile=self.client_authority or None
            )
            if self.client_authority:
                context.verify_mode = ssl.CERT_REQUIRED
            context.load_cert_chain(self.certificate, self.key)
        except ssl.SSLError as error:
            pair = f"{self.certificate} and {self.key}"
            raise InputError(f"{pair}: must be a certificate and its key, as PEM: {error}") from error
        return context
