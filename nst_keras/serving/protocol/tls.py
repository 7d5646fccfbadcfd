"""What both ends of an encrypted connection are made of, from PEM files."""

import ssl

from nst_keras.errors import InputError
from nst_keras.storage.files import open_file


def tls_context(
    purpose: ssl.Purpose, *, authority: str = "", certificate: str = "", key: str = ""
) -> ssl.SSLContext:
    """Returns what checks the other side by an authority, else the system's, and shows a certificate, if any.

    Args:
        purpose: Who is checked: `SERVER_AUTH` for a client, `CLIENT_AUTH` for a server, which checks only if
            there is an authority.
        authority: PEM file of authorities' certificates.
        certificate: PEM file of the own certificate, with those between it and its authority.
        key: PEM file of its key, without a password.

    Raises:
        InputError: If a file can't be read, or isn't what it should be.
    """
    for path in filter(None, (authority, certificate, key)):
        with open_file(path):
            pass
    try:
        context = ssl.create_default_context(purpose, cafile=authority or None)
    except ssl.SSLError as error:
        raise InputError(f"{authority}: must hold authorities' certificates, as PEM: {error}") from error
    if authority:
        context.verify_mode = ssl.CERT_REQUIRED
    try:
        if certificate:
            context.load_cert_chain(certificate, key, password="")  # else a key's would be asked for
    except ssl.SSLError as error:
        pair = f"{certificate} and {key}"
        raise InputError(
            f"{pair}: must be a certificate and its key without a password, as PEM: {error}"
        ) from error
    return context
