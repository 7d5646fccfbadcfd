"""What a handler gets and gives back."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nst_keras.web.errors import HttpError

Stream = AsyncIterator[bytes]
JSON = "application/json"


@dataclass(frozen=True)
class Request:
    """A request that the guard let through; the body of a PUT is in a file, `upload`."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    upload: Path = Path()

    def json(self) -> dict[str, Any]:
        """The body as a JSON object."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise HttpError(400, f"the request must be JSON: {error}") from error
        if not isinstance(document, dict):
            raise HttpError(400, "the request must be a JSON object")
        return document

    def whole_number(self, name: str, largest: int) -> int | None:
        """A number from 1 in the query, if it is there."""
        text = self.query.get(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 9 and 1 <= int(text) <= largest):
            raise HttpError(400, f"{name} must be a whole number from 1 to {largest}. Received: {text[:20]}")
        return int(text)


@dataclass(frozen=True)
class Answer:
    """A whole body, or one that comes bit by bit."""

    body: bytes | Stream
    kind: str = JSON
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(document: Any, status: int = 200) -> Answer:
    """Plain values."""
    return Answer(json.dumps(document).encode(), status=status)
