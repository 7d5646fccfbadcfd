"""uvicorn in a thread of its own, with deadlines for slow clients."""

import asyncio
import socket
import ssl
import threading
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from nst_keras.errors import InputError

_BACKLOG = 2048
_WRITE_TIMEOUT = 60.0  # seconds
_KEEP_ALIVE = 75  # seconds that an idle connection stays open; as nginx


class _DeadlineProtocol(H11Protocol):
    """Drops connections that hold up the server; uvicorn has no limits for them.

    That is one whose request line and headers don't come in time, one that doesn't take its answer in time,
    and, where there are too many, the one that has been without a request for longest.
    """

    header_timeout = write_timeout = 10.0
    max_connections = 100
    idle: "dict[_DeadlineProtocol, None]"  # of a server, in the order in which they became so
    _header_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        while len(self.connections) >= self.max_connections and self.idle:
            longest = next(iter(self.idle))
            del self.idle[longest]
            self.connections.discard(longest)
            longest.transport.abort()
        super().connection_made(transport)
        self.idle[self] = None
        self._start_header_timer()

    def data_received(self, data: bytes) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self._start_header_timer()
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_timers()  # the headers are there
            self.idle.pop(self, None)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(self.write_timeout, self.transport.abort)

    def on_response_complete(self) -> None:
        self._stop_timers()
        super().on_response_complete()
        if self.cycle.response_complete:  # and no next request has come already
            self.idle[self] = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timers()
        self.idle.pop(self, None)
        super().connection_lost(exc)

    def _start_header_timer(self) -> None:
        if self._header_timer is None:
            self._header_timer = self.loop.call_later(self.header_timeout, self.transport.abort)

    def _stop_timers(self) -> None:
        for timer in (self._header_timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        self._header_timer = self._write_timer = None


def hang_up(send: Any) -> None:
    """Ends the connection of a request, by the function that its application got to send with."""
    send.__self__.transport.abort()


class HttpServer:
    """Serves an ASGI application on `port` until stopped.

    Args:
        application: What answers.
        host: Address to listen on.
        port: Port; 0 is any free one.
        read_timeout: Seconds in which a request's line and headers must have come.
        max_connections: Open connections; past it, the one that is idle for longest goes, or else the new one
            is refused.
        write_timeout: Seconds in which an answer must be taken.
        drain_seconds: Time for the last answers after a stop.
        lifespan: Whether the application is told when the server starts and ends.
        tls: Encrypts, with the server's certificate.
    """

    def __init__(
        self,
        application: Any,
        host: str,
        port: int,
        *,
        read_timeout: float,
        max_connections: int,
        write_timeout: float = _WRITE_TIMEOUT,
        drain_seconds: float,
        lifespan: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._socket = _listen(host, port)
        self.port: int = self._socket.getsockname()[1]
        limits = {"header_timeout": read_timeout, "write_timeout": write_timeout, "idle": {}}
        protocol = type("Protocol", (_DeadlineProtocol,), {**limits, "max_connections": max_connections})
        config = uvicorn.Config(
            application,
            http=protocol,
            ws="none",
            lifespan="on" if lifespan else "off",
            interface="asgi3",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            limit_concurrency=max_connections + 1,  # it counts the new one
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=max(1, round(drain_seconds)),
            backlog=_BACKLOG,
        )
        config.load()
        config.ssl = tls  # uvicorn itself takes files only
        self._server = uvicorn.Server(config)
        serve = self._server.serve(sockets=[self._socket])
        self._thread = threading.Thread(target=asyncio.run, args=(serve,), name="http", daemon=True)
        self._thread.start()

    def begin_stop(self) -> None:
        """Takes no more connections; those that there are get their answers."""
        self._server.should_exit = True

    def wait(self) -> None:
        """Waits until the last answer is out, or the time to drain is over."""
        self._thread.join()
        self._socket.close()


def _listen(host: str, port: int) -> socket.socket:
    listener = None
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # Without the protocol's number asyncio doesn't switch off Nagle's delay: 40 ms an answer.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        if listener:
            listener.close()
        raise InputError(f"{host}:{port}: cannot be listened on: {error.strerror or error}") from error
    return listener
