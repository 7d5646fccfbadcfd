"""A process that measures the pictures of requests and writes what it finds into files of JSON lines.

It takes strangers' pictures apart, so it may be ended at any moment; `request_logger` is its other end.
"""

import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from nst_keras.errors import InputError
from nst_keras.pictures.images import decode_image
from nst_keras.pictures.measurements import measure_picture
from nst_keras.pictures.resizing import fit_size, resize
from nst_keras.serving.protocol.json_tensors import BASE64, decode_base64, is_base64
from nst_keras.serving.protocol.request_log import MEASURED_SIDE, PICTURES, PREFIX, SUFFIX
from nst_keras.serving.server.compute.answers import GRPC_REQUESTS, Job, read_request
from nst_keras.serving.server.settings import ServerSettings

_MAX_PIXELS = 1 << 24  # larger ones aren't measured
_MOST_LINES = 10_000  # of a file
_SUFFIXES = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg"}
_NICENESS = 10  # answers go first


def work() -> None:
    """Writes the log of one job after the other, until the server hangs up.

    The program's argument is the number of a pipe; the server's settings come first. For each job it answers
    how many pictures were written and how many weren't.
    """
    jobs = Connection(int(sys.argv[1]))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the server says when
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    with suppress(OSError):
        os.nice(_NICENESS)
    settings: ServerSettings = jobs.recv()
    files = LogFiles(settings)
    with suppress(EOFError, OSError):
        while True:
            if jobs.poll(settings.request_log_seconds):
                jobs.send(write_job(files, *jobs.recv()))
            files.close_if_old()
    files.close()


def write_job(files: "LogFiles", when: float, job: Job) -> tuple[int, int]:
    """Measures and writes the pictures of a request; returns how many were written and how many weren't."""
    written = failed = 0
    for data in find_pictures(job.method, job.request):
        try:
            files.write({"time": when, "model": job.name, "version": job.version, **measure(data)}, data)
            written += 1
        except (InputError, OSError, MemoryError):  # a damaged picture, a full disk
            failed += 1
    return written, failed


def find_pictures(method: str, request: bytes) -> Iterator[bytes]:
    """The PNG and JPEG files in a request, but for paintings, whose inputs' names begin with style."""
    found = _in_message(read_request(method, request)) if method in GRPC_REQUESTS else _in_json(request)
    return (data for data in found if _suffix(data))


def measure(data: bytes) -> dict[str, float]:
    """What is measured of a picture's file; colours of one that is gray count as one channel."""
    pixels = decode_image(data, "the picture", max_pixels=_MAX_PIXELS)
    height, width = pixels.shape[:2]
    if max(height, width) > MEASURED_SIDE:
        pixels = resize(pixels, *fit_size(pixels, MEASURED_SIDE)).round().clip(0, 255)
    gray = bool((pixels == pixels[..., :1]).all())
    values = measure_picture(pixels[..., : 1 if gray else 3].astype(np.uint8), len(data))
    return {**values, "height": height, "width": width}


class LogFiles:
    """The files of a log: one that is written, whole ones, and pictures, all within a size."""

    def __init__(self, settings: ServerSettings) -> None:
        self._folder, self._seconds = Path(settings.request_log), settings.request_log_seconds
        self._most_bytes, self._share = settings.request_log_mb << 20, settings.request_log_pictures
        self._file: Path | None = None
        self._lines, self._began, self._number = 0, 0.0, 0
        self._adopt()

    def write(self, line: dict[str, Any], data: bytes) -> None:
        """Writes a line, and the picture if it is one of those that are kept."""
        sha256 = hashlib.sha256(data).digest()
        if int.from_bytes(sha256[:8], "big") < self._share * 2**64:
            line["picture"] = self._keep_picture(f"{sha256[:16].hex()}{_suffix(data)}", data)
        if self._file is None:
            self._began = time.time()
            when, self._number = time.strftime("%Y%m%dT%H%M%S", time.gmtime()), self._number + 1
            name = f"{PREFIX}{when}-{os.getpid()}-{self._number:06}{SUFFIX}"
            self._file, self._lines = self._folder / f".{name}", 0
        _append(self._file, f"{json.dumps(line)}\n".encode())
        self._lines += 1
        if self._lines >= _MOST_LINES:
            self.close()

    def close_if_old(self) -> None:
        """Gives the file its name if it is old enough."""
        if self._file and time.time() - self._began >= self._seconds:
            self.close()

    def close(self) -> None:
        """Gives the file its name, if there is one, and lets the oldest go if there is too much."""
        if self._file:
            with suppress(OSError):
                self._file.rename(self._file.with_name(self._file.name[1:]))
            self._file = None
        self._trim()

    def _adopt(self) -> None:
        """Takes over the files of processes that were killed, up to their last whole line."""
        for path in self._folder.glob(f".{PREFIX}*{SUFFIX}"):
            with suppress(OSError, ValueError):
                if not _is_alive(int(path.stem.split("-")[2])):
                    os.truncate(path, path.read_bytes().rfind(b"\n") + 1)
                    path.rename(path.with_name(path.name[1:]))

    def _keep_picture(self, name: str, data: bytes) -> str:
        path = self._folder / PICTURES / name
        path.parent.mkdir(exist_ok=True, mode=0o700)
        if not path.exists():
            try:
                _append(path.with_name(f".{name}"), data)
            except OSError:
                path.with_name(f".{name}").unlink(missing_ok=True)
                raise
            path.with_name(f".{name}").rename(path)
            self._trim()
        return name

    def _trim(self) -> None:
        """Removes the oldest, lines and pictures alike, until the rest is within the size."""
        with suppress(OSError):
            there = [*self._folder.glob(f"{PREFIX}*{SUFFIX}"), *(self._folder / PICTURES).glob("*")]
            stats = sorted((path.stat().st_mtime_ns, path.stat().st_size, path) for path in there)
            size = sum(length for _, length, _ in stats)
            for _, length, path in stats:
                if size <= self._most_bytes:
                    break
                path.unlink()
                size -= length


def _append(path: Path, data: bytes) -> None:
    """Adds to a file all or nothing."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        before = os.fstat(descriptor).st_size
        if os.write(descriptor, data) < len(data):
            os.ftruncate(descriptor, before)
            raise OSError("the disk is full")
    finally:
        os.close(descriptor)


def _suffix(data: bytes) -> str:
    return next((suffix for start, suffix in _SUFFIXES.items() if data.startswith(start)), "")


def _in_json(request: bytes) -> Iterator[bytes]:
    document = json.loads(request)
    return _in_values([document.get(key) for key in ("inputs", "instances", "examples")])


def _in_values(value: Any) -> Iterator[bytes]:
    if is_base64(value):
        yield decode_base64(value[BASE64])
    elif isinstance(value, dict):
        for name, inner in value.items():
            if not name.startswith("style"):
                yield from _in_values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _in_values(inner)


def _in_message(request: Any) -> Iterator[bytes]:
    if hasattr(request, "inputs"):
        for name, tensor in request.inputs.items():
            if not name.startswith("style"):
                yield from tensor.string_val
        return
    for examples in (request.input.example_list, request.input.example_list_with_context):
        for example in examples.examples:
            for name, feature in example.features.feature.items():
                if not name.startswith("style"):
                    yield from feature.bytes_list.value


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:
        return not isinstance(error, ProcessLookupError)
    return True
