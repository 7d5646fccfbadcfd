"""Reading a request's body within limits of size, time and memory."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, BinaryIO

from nst_keras.web.errors import HttpError

Receive = Callable[[], Awaitable[dict[str, Any]]]
Keep = Callable[[bytes], object]

_ENCODINGS = (b"identity", b"gzip", b"x-gzip")
_GZIP = 16 + zlib.MAX_WBITS  # zlib's name of the format
_PART = 1 << 20  # bytes that are unzipped at a time
BODIES = 4  # bodies of the largest size that may be in memory at once
_DISCARDED = 4  # sizes of the largest body that are read past before the connection is dropped


class BodyReader:
    """Reads bodies of at most so many bytes that come in so many seconds; all calls are of one event loop."""

    def __init__(self, most_bytes: int, timeout: float) -> None:
        self._most_bytes, self._timeout = most_bytes, timeout
        self._held = 0  # bytes of all bodies that are being read or answered

    @asynccontextmanager
    async def read(self, scope: dict[str, Any], receive: Receive) -> AsyncIterator[bytes]:
        """The whole body, which counts as memory in use meanwhile.

        It may be too large (HTTP status 413), too slow (408), or too much is held (429).
        """
        headers = dict(scope["headers"])
        encoding = headers.get(b"content-encoding", b"identity").strip().lower()
        if encoding not in _ENCODINGS:
            raise HttpError(501, "bodies must be compressed by gzip or not at all")
        chunks: list[bytes] = []
        try:
            async with self._in_time():
                await self._collect(headers, receive, lambda data: self._keep(data, chunks))
                if encoding != b"identity":
                    await self._unzip(chunks)
            yield b"".join(chunks)
        finally:
            self._held -= sum(map(len, chunks))

    async def save(self, scope: dict[str, Any], receive: Receive, file: BinaryIO) -> None:
        """Writes the whole body to a file as it comes, so that it takes no memory.

        It may be too large (HTTP status 413) or too slow (408).
        """
        headers = dict(scope["headers"])
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise HttpError(501, "files must not be compressed")
        async with self._in_time():
            await self._collect(headers, receive, file.write)

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout):
                yield
        except TimeoutError as error:
            raise HttpError(408, f"the request took longer than {self._timeout} s to arrive") from error

    async def _collect(self, headers: dict[bytes, bytes], receive: Receive, keep: Keep) -> None:
        announced = headers.get(b"content-length", b"")
        too_large = announced.isdigit() and int(announced) > self._most_bytes
        # Who waits for leave to send gets the answer at once; others read it only after they have sent.
        if too_large and headers.get(b"expect", b"").lower() == b"100-continue":
            raise self._too_large()
        size, more = 0, True
        while more:
            event = await receive()
            if event["type"] == "http.disconnect":
                raise HttpError(499, "the client has gone")
            data, more = event.get("body", b""), event.get("more_body", False)
            size += len(data)
            too_large = too_large or size > self._most_bytes
            if too_large and size > _DISCARDED * self._most_bytes:
                break
            if not too_large:
                keep(data)
        if too_large:
            raise self._too_large()

    async def _unzip(self, chunks: list[bytes]) -> None:
        """Puts what they become in the place of compressed chunks, which count until then."""
        compressed, inflate = chunks[:], zlib.decompressobj(_GZIP)
        size = 0
        try:
            for data in compressed:
                while data:
                    # In another thread, as a little can become much.
                    part = await asyncio.to_thread(inflate.decompress, data, _PART)
                    data, size = inflate.unconsumed_tail, size + len(part)
                    if size > self._most_bytes:
                        raise self._too_large()
                    self._keep(part, chunks)
        except zlib.error as error:
            raise HttpError(400, f"the body must be whole and compressed by gzip: {error}") from error
        if not inflate.eof:
            raise HttpError(400, "the body must be whole and compressed by gzip: it is cut short")
        del chunks[: len(compressed)]
        self._held -= sum(map(len, compressed))

    def _keep(self, data: bytes, chunks: list[bytes]) -> None:
        if self._held + len(data) > BODIES * self._most_bytes:
            raise HttpError(429, "too many large requests at once; try again later")
        self._held += len(data)
        chunks.append(data)

    def _too_large(self) -> HttpError:
        return HttpError(413, f"a request must have at most {self._most_bytes} bytes")
