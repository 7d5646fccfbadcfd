"""Which models and versions are to be served: all of a folder, or what a models.config says."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf import text_format

from nst_keras.errors import InputError
from nst_keras.serving.protocol.protos import model_server_config_pb2
from nst_keras.storage.files import open_file


@dataclass(frozen=True)
class ModelConfig:
    """A model, the folder of its versions, and which are served: so many of the latest, or specific ones.

    With `latest` 0 all are served; `labels` holds versions by label.
    """

    name: str
    base_path: Path
    latest: int = 1
    specific: tuple[int, ...] = ()
    labels: Mapping[str, int] = field(default_factory=dict)

    def choose(self, versions: Collection[int]) -> list[int]:
        """Returns those of the versions that are to be served."""
        if self.specific:
            return [number for number in sorted(versions) if number in self.specific]
        return sorted(versions)[-self.latest :]


def find_models(serving_dir: Path) -> list[ModelConfig]:
    """Returns a model for each folder in a folder, but for hidden ones."""
    try:
        folders = sorted(path for path in serving_dir.iterdir() if path.is_dir())
    except OSError as error:
        raise InputError(f"{serving_dir}: cannot be listed: {error.strerror}") from error
    return [ModelConfig(path.name, path) for path in folders if path.name[0] != "." and ":" not in path.name]


def read_models(path: str | os.PathLike[str]) -> list[ModelConfig]:
    """Reads TensorFlow Serving's model config file, a ModelServerConfig in text format."""
    with open_file(path) as file:
        text = file.read()
    try:
        document = text_format.Parse(text.decode(), model_server_config_pb2.ModelServerConfig())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is no model config file: {error}") from error
    return choose_models(document, path)


def choose_models(
    document: "model_server_config_pb2.ModelServerConfig", path: str | os.PathLike[str]
) -> list[ModelConfig]:
    """Returns the models that a config names; `path` is where it is from, for messages."""
    models = [_read_model(config, path) for config in document.model_config_list.config]
    if not models:  # perhaps it is just being written
        raise InputError(f"{path}: names no model in model_config_list")
    names = [model.name for model in models]
    if len(set(names)) < len(names):
        raise InputError(f"{path}: names a model twice: {max(names, key=names.count)}")
    return models


def _read_model(config: "model_server_config_pb2.ModelConfig", path: str | os.PathLike[str]) -> ModelConfig:
    base, platform = Path(config.base_path), config.model_platform
    if not config.name or not base.is_absolute():
        raise InputError(f"{path}: a model must have a name and an absolute base_path. Received: {config}")
    if platform != "tensorflow":
        raise InputError(f'{path}: model_platform must be "tensorflow". Received: "{platform}"')
    policy = config.model_version_policy
    latest = 0 if policy.HasField("all") else policy.latest.num_versions or 1
    versions = tuple(policy.specific.versions)
    return ModelConfig(config.name, base, latest, versions, dict(config.version_labels))
