"""What a Pusher did, as `pushed.json` in an artifact's folder."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nst_keras.errors import InputError
from nst_keras.storage.files import open_file, write_whole
from pipelines.engine.artifacts import PushedModel

PUSHED_FILE = "pushed.json"


@dataclass(frozen=True)
class Pushed:
    """A served version, or the reasons why there is none.

    Attributes:
        name: The model's name, as in a server's addresses.
        version: The version's number; 0 if nothing was pushed.
        path: The version's folder, absolute.
        digest: Of all its files, see `digest_files`.
        reasons: Why nothing was pushed, a sentence each.
    """

    name: str
    version: int = 0
    path: str = ""
    digest: str = ""
    reasons: tuple[str, ...] = ()


def digest_files(files: Mapping[str, tuple[int, str]]) -> str:
    """Hex SHA-256 over sizes and hashes of files by path, as `nst_keras.served.store.Manifest` has them."""
    listed = sorted((name, size, digest) for name, (size, digest) in files.items())
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


def write_pushed(artifact: PushedModel, pushed: Pushed) -> Path:
    """Writes it whole into an artifact's folder; returns its path.

    Raises:
        InputError: If it can't be written.
    """
    path = artifact.path / PUSHED_FILE
    document = dataclasses.asdict(pushed)
    write_whole(path, json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n")
    return path


def read_outcome(artifact: PushedModel) -> Pushed:
    """Reads what `write_pushed` wrote, also of a model that wasn't pushed.

    Raises:
        InputError: If there is no such file, or it is damaged.
    """
    path = artifact.path / PUSHED_FILE
    with open_file(path) as file:
        text = file.read()
    try:
        document = json.loads(text)
        return Pushed(**{**document, "reasons": tuple(document["reasons"])})
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is damaged: {error}; run the Pusher again") from error


def read_pushed(artifact: PushedModel) -> Pushed:
    """Reads where a model was pushed to.

    Raises:
        InputError: If it can't be read, or nothing was pushed, with the reasons.
    """
    pushed = read_outcome(artifact)
    if not pushed.version:
        why = "; ".join(pushed.reasons) or "no reason is given"
        raise InputError(f"{artifact.path / PUSHED_FILE}: no model was pushed as {pushed.name}: {why}")
    return pushed
