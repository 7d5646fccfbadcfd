"""What a training leaves at its end: the model on disk, and the record of how it came to be."""

import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from nst_keras import __version__
from nst_keras.classifiers.loop import Learned
from nst_keras.data.checks import DatasetChecks
from nst_keras.data.image_dataset import ImageDataset
from nst_keras.storage.files import write_whole
from nst_keras.storage.folders import replacing_folder


def save_model(model: keras.Model, path: Path, saved_model: Path | None = None) -> None:
    """Writes a model as .keras and, if a folder is named, as a SavedModel that replaces what is there.

    Equal models make equal .keras files. The SavedModel's signature `serving_default` takes pixels 0..255.
    """
    with tempfile.TemporaryDirectory(prefix=".nst_keras-", dir=path.parent) as folder:
        temporary = Path(folder, path.name)
        model.save(temporary)
        write_whole(path, _without_chance(temporary))
    if saved_model:
        with replacing_folder(saved_model) as exported:
            model.export(exported, verbose=False)


def describe_training(
    name: str,
    settings: Mapping[str, Any],
    dataset: ImageDataset,
    checks: DatasetChecks,
    model: keras.Model,
    learned: Learned,
    metrics: Mapping[str, float],
) -> dict[str, Any]:
    """Returns what report.json says of a training, as plain values."""
    digest = hashlib.sha256(b"".join(array.tobytes() for array in learned.best)).hexdigest()
    pictures = {name: split.size for name, split in dataset.splits.items()}
    timed = [epoch["seconds"] for epoch in learned.history if "seconds" in epoch]
    speed = round(len(timed) * pictures["train"] / sum(timed), 1) if timed else None
    told = {"epochs": len(learned.history), "seconds": round(learned.seconds, 2), "images_per_second": speed}
    return {
        "model": name,
        "dataset": dataset.name,
        "metrics": dict(metrics),
        "settings": dict(settings),
        "parameters": int(model.count_params()),
        "image_shape": list(dataset.image_shape),
        "pictures": pictures,
        **({"split_by": dataset.split_by} if dataset.split_by else {}),
        **({"time": told} if learned.seconds else {}),
        "fingerprints": {"dataset": dataset.fingerprint, "model": digest},
        "versions": {"nst_keras": __version__, "tensorflow": tf.__version__, "keras": keras.__version__},
        "data_checks": checks.as_dict(),
        "skipped": [file.reason for file in dataset.skipped],
        "warnings": list(checks.warnings),
    }


def _without_chance(path: Path) -> bytes:
    """A .keras file, which is an archive, without when Keras wrote it and where objects were in memory."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as written, zipfile.ZipFile(buffer, "w") as plain:
        for name in written.namelist():
            data = written.read(name)
            if name.endswith(".json"):
                data = json.dumps(_numbered(json.loads(data), {})).encode()
            plain.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def _numbered(value: Any, numbers: dict[int, int]) -> Any:
    """A config with the addresses of shared objects numbered as they come."""
    if isinstance(value, list):
        return [_numbered(item, numbers) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: numbers.setdefault(item, len(numbers)) if key == "shared_object_id" else _numbered(item, numbers)
        for key, item in value.items()
        if key != "date_saved"
    }
