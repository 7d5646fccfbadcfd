"""The versions of one model: loaded when they appear, kept until the last request is done with them."""

import gc
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from nst_keras.errors import InputError
from nst_keras.served.store import find_versions
from nst_keras.serving.protocol.model_spec import AVAILABLE, END, LOADING, UNLOADING, ModelSpec, VersionStatus
from nst_keras.serving.protocol.status_codes import ServingError, invalid
from nst_keras.serving.server.model_config import ModelConfig

if TYPE_CHECKING:
    from nst_keras.serving.server.compute.loaded_model import LoadedModel
    from nst_keras.serving.server.compute.workers import RemoteModel

    Model: TypeAlias = LoadedModel | RemoteModel

_REMEMBERED = 10  # versions that are gone but still shown by status

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class ServedVersion:
    """One version, from the moment it is seen; its model is there while it can be asked."""

    number: int
    folder: Path
    stamp: object  # of the files that were tried last, when loading began
    model: "Model | None" = None
    state: str = LOADING
    problem: str = ""
    users: int = 0

    def status(self) -> VersionStatus:
        """What became of it."""
        code = "UNKNOWN" if self.problem else "OK"
        return VersionStatus(self.number, self.state, code, self.problem)


class ServedModel:
    """One model. Requests read it from any thread; only one thread calls `sync` and `close`.

    `config` may be replaced between syncs, by another folder, too; `load` loads a version's folder.
    """

    def __init__(self, config: ModelConfig, load: "Callable[[Path], Model]") -> None:
        self.config, self._load = config, load
        self._versions: dict[int, ServedVersion] = {}
        self._lock = threading.Lock()
        self._is_listed = True

    def sync(self) -> None:
        """Loads what is to be served, and only then lets go of what isn't any more.

        A version that can't be loaded is tried again when its files change; until then the others stay.
        """
        try:
            there = find_versions(self.config.base_path)
            self._is_listed = True
        except OSError as error:  # a disk that is away for a moment is no reason to stop serving
            if self._is_listed:  # said once, not every second
                _log.warning("%s: cannot be listed: %s", self.config.base_path, error.strerror or error)
            self._is_listed = False
            return
        wanted = self.config.choose(there)
        for number in wanted:
            self._load_if_needed(number, there[number])
        available = {number for number, version in self._versions.items() if version.state == AVAILABLE}
        if not wanted or available & set(wanted):
            for number in available - set(wanted):
                self._retire(self._versions[number])
        self._forget()

    def prepare(self, config: ModelConfig) -> str:
        """Loads what a config wants, beside what is served; returns why nothing of it can be, or nothing."""
        try:
            there = find_versions(config.base_path)
        except OSError as error:
            return f"{config.base_path}: cannot be listed: {error.strerror or error}"
        wanted = config.choose(there)
        for number in wanted:
            self._load_if_needed(number, there[number])
        versions = [self._versions[number] for number in wanted]
        if any(version.state == AVAILABLE and not version.problem for version in versions):
            return ""
        problems = [version.problem for version in versions]
        return "; ".join(problems) or f"{config.base_path}: has none of the versions that are to be served"

    def close(self) -> None:
        """Lets go of all versions."""
        for version in list(self._versions.values()):
            if version.state == AVAILABLE:
                self._retire(version)

    @contextmanager
    def lease(self, spec: ModelSpec) -> Iterator[tuple[int, "Model"]]:
        """The version that a request means, and its model, which stays loaded meanwhile."""
        with self._lock:
            usable = {n: version for n, version in self._versions.items() if version.state == AVAILABLE}
            number = self._number(spec)
            version = usable.get(max(usable, default=0) if number is None else number)
            if version is None or version.model is None:
                raise not_found(spec)
            version.users += 1
            model = version.model
        try:
            yield version.number, model
        finally:
            del model
            with self._lock:
                version.users -= 1
                self._release_if_unused(version)

    def statuses(self, spec: ModelSpec) -> list[VersionStatus]:
        """What became of the versions, or of the one of that number; newest first.

        A label chooses none, as in TensorFlow Serving.
        """
        with self._lock:
            numbers = sorted(self._versions, reverse=True)
            statuses = [self._versions[n].status() for n in numbers if spec.version in (None, n)]
        if not statuses:
            what = "any versions" if spec.version is None else f"version {spec.version}"
            raise ServingError("NOT_FOUND", f"Could not find {what} of model {spec.name}")
        return statuses

    def _number(self, spec: ModelSpec) -> int | None:
        """The version that is meant; None: none in particular."""
        if spec.version is not None or not spec.label:
            return spec.version
        if spec.label not in self.config.labels:
            raise invalid(f"Unrecognized servable version label: {spec.label}")
        return self.config.labels[spec.label]

    def _load_if_needed(self, number: int, folder: Path) -> None:
        old = self._versions.get(number)
        is_served = old is not None and old.state == AVAILABLE
        if old and is_served and old.folder == folder:
            old.problem = ""
            return
        stamp = _stamp(folder)
        if old and old.problem and old.stamp == stamp:
            return
        version = ServedVersion(number, folder, stamp)
        if not is_served:  # else it is the same number in another folder
            with self._lock:
                self._versions[number] = version
        try:
            model = self._load(folder)
        except InputError as error:
            _log.error("%s/%d: %s", self.config.name, number, error)
            with self._lock:
                version.state = END
                tried = old if old and is_served else version
                tried.stamp, tried.problem = stamp, str(error)
            return
        with self._lock:
            version.model, version.state = model, AVAILABLE
            self._versions[number] = version
        _log.info("%s/%d: serving, loaded in %.1f s", self.config.name, number, model.seconds)
        if old and is_served:
            self._retire(old)

    def _retire(self, version: ServedVersion) -> None:
        with self._lock:
            version.state = UNLOADING
            self._release_if_unused(version)
        gc.collect()  # TensorFlow's objects refer to one another in circles
        _log.info("%s/%d: not served any more", self.config.name, version.number)

    def _release_if_unused(self, version: ServedVersion) -> None:
        if version.state == UNLOADING and not version.users:
            if version.model is not None:
                version.model.close()
            version.model, version.state = None, END

    def _forget(self) -> None:
        with self._lock:
            gone = [number for number, version in self._versions.items() if version.state == END]
            for number in sorted(gone)[:-_REMEMBERED]:
                del self._versions[number]


def not_found(spec: ModelSpec) -> ServingError:
    """The error for a model or version that isn't served."""
    return ServingError("NOT_FOUND", f"Servable not found for request: {spec}")


def _stamp(folder: Path) -> object:
    """Changes whenever a file of the folder does."""
    try:
        return [
            (str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*"))
        ]
    except OSError:
        return None
