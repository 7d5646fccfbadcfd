"""All models that are served, kept up to date with the folder by a thread."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nst_keras.errors import InputError
from nst_keras.serving.protocol.model_spec import ModelSpec, VersionStatus
from nst_keras.serving.protocol.status_codes import ServingError
from nst_keras.serving.server.model_config import ModelConfig, find_models, read_models
from nst_keras.serving.server.served_model import ServedModel, not_found
from nst_keras.serving.server.settings import ServerSettings
from nst_keras.storage.files import open_file

if TYPE_CHECKING:
    from nst_keras.serving.server.served_model import Model

_log = logging.getLogger(__name__)


class Models:
    """The models by name. A request never gives a path: its name is looked up here."""

    def __init__(self, settings: ServerSettings, load: "Callable[[Path], Model]") -> None:
        self._settings, self._load = settings, load
        self._models: dict[str, ServedModel] = {}
        self._config_text: bytes | None = None
        self._configs: list[ModelConfig] = []
        self._given: list[ModelConfig] = []  # by a client
        self._problem = ""
        self._syncing = threading.Lock()  # models are changed by one thread at a time
        self._stop = threading.Event()
        self._sync()
        self._thread = threading.Thread(target=self._watch, name="models", daemon=True)
        self._thread.start()

    def names(self) -> list[str]:
        """The names of all models."""
        return sorted(self._models)

    @contextmanager
    def lease(self, spec: ModelSpec) -> Iterator[tuple[int, "Model"]]:
        """The version that a request means, and its model; raises ServingError if there is none."""
        model = self._models.get(spec.name)
        if model is None:
            raise not_found(spec)
        with model.lease(spec) as leased:
            yield leased

    def statuses(self, spec: ModelSpec) -> list[VersionStatus]:
        """What became of a model's versions; raises ServingError if there are none."""
        model = self._models.get(spec.name)
        if model is None:
            raise ServingError("NOT_FOUND", f"Could not find any versions of model {spec.name}")
        return model.statuses(spec)

    def reload(self, configs: list[ModelConfig]) -> None:
        """Serves these models instead, until the config file changes; loads them first.

        If one that is new or changed can't be served, nothing changes, and ServingError says why it can't.
        """
        with self._syncing:
            models = {c.name: self._models.get(c.name) or ServedModel(c, self._load) for c in configs}
            changed = [c for c in configs if c.name not in self._models or models[c.name].config != c]
            problems = {config.name: models[config.name].prepare(config) for config in changed}
            failed = "; ".join(f"{name}: {problem}" for name, problem in problems.items() if problem)
            if failed:
                for name in problems:
                    if name in self._models:
                        models[name].sync()  # back to what it was
                    else:
                        models[name].close()
                raise ServingError(
                    "UNKNOWN", f"Some models did not become available, so nothing has changed: {failed}"
                )
            self._given = configs
            self._serve(configs, models)

    def close(self) -> None:
        """Stops watching and lets go of all models."""
        self._stop.set()
        self._thread.join()
        for model in self._models.values():
            model.close()

    def _watch(self) -> None:
        while not self._stop.wait(self._settings.file_system_poll_wait_seconds):
            try:
                self._sync()
                self._problem = ""
            except InputError as error:
                if str(error) != self._problem:  # once, not every second
                    _log.error("%s", error)
                self._problem = str(error)
            except Exception:
                # Whatever it is, requests go on with what is loaded, and the next look may succeed.
                _log.exception("looking for new versions failed")

    def _sync(self) -> None:
        with self._syncing:
            self._serve(self._read_configs(), {})

    def _serve(self, configs: list[ModelConfig], models: dict[str, ServedModel]) -> None:
        """Loads what is new, `models` among it, and only then lets go of what isn't served any more."""
        models = {**self._models, **models}
        for config in configs:
            models.setdefault(config.name, ServedModel(config, self._load)).config = config
        self._models = models  # in one step: requests look names up in it meanwhile
        for config in configs:
            models[config.name].sync()
        names = {config.name for config in configs}
        self._models = {name: models[name] for name in names}
        for name in models.keys() - names:
            models[name].close()

    def _read_configs(self) -> list[ModelConfig]:
        path = self._settings.model_config_file
        if not path:
            return self._given or find_models(Path(self._settings.serving_dir))
        with open_file(path) as file:
            text = file.read()
        if text != self._config_text:
            try:
                self._configs = read_models(path)
            except InputError as error:
                if self._config_text is None:
                    raise
                _log.error("%s; going on with what it said before", error)
            self._config_text, self._given = text, []
        return self._given or self._configs
