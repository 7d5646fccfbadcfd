"""How a worker process talks with the server: lines of JSON in its standard input and output."""

import json
import os
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO


class Channel:
    """The worker's end. From here on, whatever else writes to the standard output goes to the log."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self._out = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)
        self._in: BinaryIO = sys.stdin.buffer

    def messages(self) -> Iterator[dict[str, Any]]:
        """What the server says, until it closes or dies."""
        for line in self._in:
            yield json.loads(line)

    def send(self, **message: Any) -> None:
        """Tells the server something; if it is gone, nobody."""
        try:
            self._out.write(json.dumps(message).encode() + b"\n")
        except BrokenPipeError:
            return
