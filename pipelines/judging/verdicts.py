"""Whether a model may be pushed, in `blessing.json`, and what came of it, in `pushed.json`."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from nst_keras.errors import InputError
from nst_keras.served.store import check_version, digest_file, find_files
from nst_keras.storage.files import open_file, write_whole
from pipelines.engine.stage import JUDGEMENT_FILE
from pipelines.kinds import InfraBlessing, ModelBlessing, ModelJudgement, PushedModel

BLESSING_FILE, PUSHED_FILE = "blessing.json", "pushed.json"
T = TypeVar("T")


@dataclass(frozen=True)
class Blessing:
    """Whether a model is good enough, and why it isn't, a sentence each."""

    blessed: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pushed:
    """A served version, or the reasons why there is none."""

    name: str  # the model's, as in a server's addresses
    version: int = 0  # stays so if nothing was pushed
    path: str = ""  # the version's folder, absolute
    digest: str = ""  # of all its files, see `digest_files`
    reasons: tuple[str, ...] = ()  # why nothing was pushed, a sentence each


def as_record(reasons: Sequence[str]) -> dict[str, Any]:
    """The reasons as a stage's record has them: only where there are some."""
    return {"reasons": list(reasons)} if reasons else {}


def bless(objections: list[str]) -> Blessing:
    """Blesses a model that nothing speaks against."""
    return Blessing(not objections, tuple(objections))


def write_blessing(artifact: ModelBlessing | InfraBlessing, blessing: Blessing) -> Path:
    """Writes a blessing whole into an artifact's folder; returns its path."""
    return _write(artifact.path / BLESSING_FILE, blessing)


def read_blessing(artifact: ModelBlessing | InfraBlessing) -> Blessing:
    """Reads what `write_blessing` wrote; nothing but a plain true blesses."""

    def decode(document: Any) -> Blessing:
        blessed, reasons = document["blessed"], document["reasons"]
        if not isinstance(blessed, bool) or not isinstance(reasons, list):
            raise ValueError('"blessed" must be true or false, and "reasons" a list')
        return Blessing(blessed, tuple(map(str, reasons)))

    return _read(artifact.path / BLESSING_FILE, decode, "run the stage that wrote it again")


def read_judgement(artifact: ModelJudgement) -> tuple[bool, str]:
    """Whether a person approves a model, and that in words."""

    def decode(document: Any) -> tuple[bool, str]:
        approves = document["approves"]
        if not isinstance(approves, bool):
            raise ValueError('"approves" must be true or false')
        verb = "approved" if approves else "revoked"
        return approves, f"{verb} by {document['who']}: {document['why']}"

    return _read(artifact.path / JUDGEMENT_FILE, decode, "approve or revoke the model again")


def write_pushed(artifact: PushedModel, pushed: Pushed) -> Path:
    """Writes what a Pusher did whole into an artifact's folder; returns its path."""
    return _write(artifact.path / PUSHED_FILE, pushed)


def read_outcome(artifact: PushedModel) -> Pushed:
    """Reads what `write_pushed` wrote, also of a model that wasn't pushed."""

    def decode(document: Any) -> Pushed:
        return Pushed(**{**document, "reasons": tuple(document["reasons"])})

    return _read(artifact.path / PUSHED_FILE, decode, "run the Pusher again")


def read_pushed(artifact: PushedModel) -> Pushed:
    """Reads where a model was pushed to; raises an InputError with the reasons if it wasn't."""
    pushed = read_outcome(artifact)
    if not pushed.version:
        why = "; ".join(pushed.reasons) or "no reason is given"
        raise InputError(f"{artifact.path / PUSHED_FILE}: no model was pushed as {pushed.name}: {why}")
    return pushed


def digest_files(files: Mapping[str, tuple[int, str]]) -> str:
    """Hex SHA-256 over sizes and hashes of files by path, as `nst_keras.served.store.Manifest` has them."""
    listed = sorted((name, size, digest) for name, (size, digest) in files.items())
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


def digest_folder(folder: Path) -> str:
    """The same of a SavedModel's folder."""
    return digest_files({str(path.relative_to(folder)): digest_file(path) for path in find_files(folder)})


def digest_version(version: Path) -> str | None:
    """The same of a version in a serving folder; None if it is damaged, or has no manifest."""
    try:
        manifest = check_version(version)
    except InputError:
        return None
    return digest_files(manifest.files) if manifest else None


def _write(path: Path, verdict: Blessing | Pushed) -> Path:
    text = json.dumps(dataclasses.asdict(verdict), indent=1, ensure_ascii=False)
    write_whole(path, text.encode() + b"\n")
    return path


def _read(path: Path, decode: Callable[[Any], T], remedy: str) -> T:
    with open_file(path) as file:
        text = file.read()
    try:
        return decode(json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is damaged: {error}; {remedy}") from error
