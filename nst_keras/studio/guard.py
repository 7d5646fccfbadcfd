"""Who may ask: only the page itself, opened at this machine by who started the server.

Any page on the web may send requests to a server on this machine, and a name of its own may lead here (DNS
rebinding). So the `Host` must be ours, a change must come from our page, and the page must know a token,
which the printed address holds behind its `#`, where no log sees it.
"""

import hmac
import secrets
from collections.abc import Mapping

from nst_keras.web.errors import HttpError

_NAMES = ("127.0.0.1", "localhost", "[::1]")
_SAFE_METHODS = ("GET", "HEAD")

_POLICY = {
    "default-src": "'self'",
    "img-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in _POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def new_token() -> str:
    """A secret that nobody guesses."""
    return secrets.token_urlsafe(24)


class Guard:
    """Lets requests through, or raises HttpError with status 421 or 403."""

    def __init__(self, token: str) -> None:
        self._token = token

    def check(self, method: str, path: str, headers: Mapping[str, str], port: int) -> None:
        """Looks at a request's headers, whose names are in lower case."""
        host = headers.get("host", "")
        if host not in [f"{name}:{port}" for name in _NAMES]:
            raise HttpError(421, f"the studio is at 127.0.0.1:{port} or localhost:{port} only")
        # Others see the public files at most, which are the same for everybody.
        if path.startswith("/api/") or method not in _SAFE_METHODS:
            site, origin = headers.get("sec-fetch-site", "none"), headers.get("origin")
            if site not in ("same-origin", "none") or origin not in (None, f"http://{host}"):
                raise HttpError(403, "another site asked for this")
            given = headers.get("authorization", "").encode()
            if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
                raise HttpError(
                    403, "open the address that nst-studio printed: it holds the key to this page"
                )
