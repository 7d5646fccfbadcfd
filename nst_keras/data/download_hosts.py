"""Finds out at once that there is no network, where downloads would try again for minutes."""

import socket
import urllib.parse
import urllib.request
from collections.abc import Iterable

_MOST_HOSTS, _TIMEOUT = 3, 5.0  # seconds for each
_PORTS = {"http": 80, "https": 443}


def unreachable_host(urls: Iterable[str]) -> str | None:
    """Returns a host if none of the hosts in `urls` can be connected to, else None.

    With a proxy nothing is tried: hosts need not be reachable then but through it.
    """
    if urllib.request.getproxies():
        return None
    parsed = [urllib.parse.urlsplit(url) for url in urls]
    addresses = {
        (url.hostname, url.port or _PORTS[url.scheme])
        for url in parsed
        if url.hostname and url.scheme in _PORTS
    }
    tried = sorted(addresses)[:_MOST_HOSTS]
    if not tried or any(_answers(address) for address in tried):
        return None
    return tried[0][0]


def _answers(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=_TIMEOUT).close()
    except OSError:
        return False
    return True
