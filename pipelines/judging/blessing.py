"""Blessings: whether a model may be pushed, as `blessing.json` in an artifact's folder."""

import json
from dataclasses import dataclass
from pathlib import Path

from nst_keras.errors import InputError
from nst_keras.storage.files import open_file, write_whole
from pipelines.engine.artifacts import InfraBlessing, ModelBlessing

BLESSING_FILE = "blessing.json"


@dataclass(frozen=True)
class Blessing:
    """A verdict.

    Attributes:
        blessed: Whether the model is good enough.
        reasons: Why it isn't, a sentence each; empty for a blessed one.
    """

    blessed: bool
    reasons: tuple[str, ...] = ()


def judge(reasons: list[str]) -> Blessing:
    """Returns the blessing of a model that so much speaks against."""
    return Blessing(not reasons, tuple(reasons))


def write_blessing(artifact: ModelBlessing | InfraBlessing, blessing: Blessing) -> Path:
    """Writes a blessing whole into an artifact's folder; returns its path.

    Raises:
        InputError: If it can't be written.
    """
    document = {"blessed": blessing.blessed, "reasons": list(blessing.reasons)}
    path = artifact.path / BLESSING_FILE
    write_whole(path, json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n")
    return path


def read_blessing(artifact: ModelBlessing | InfraBlessing) -> Blessing:
    """Reads what `write_blessing` wrote.

    Raises:
        InputError: If there is no such file, or it is damaged; nothing but a plain true blesses.
    """
    path = artifact.path / BLESSING_FILE
    with open_file(path) as file:
        text = file.read()
    try:
        document = json.loads(text)
        blessed, reasons = document["blessed"], document["reasons"]
        if not isinstance(blessed, bool) or not isinstance(reasons, list):
            raise ValueError('"blessed" must be true or false, and "reasons" a list')
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is damaged: {error}; run the stage that wrote it again") from error
    return Blessing(blessed, tuple(map(str, reasons)))
