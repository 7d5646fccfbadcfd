"""A trained classifier from disk, and pictures as it takes them."""

import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from nst_keras.classifiers.plan import MODEL, REPORT
from nst_keras.classifiers.registry import CLASSIFIERS, networks
from nst_keras.data.datasets import load_dataset
from nst_keras.errors import InputError

# Imported so that Keras knows their classes, too.
from nst_keras.layers import hand_written_dense, imagenet_preprocessing  # noqa: F401
from nst_keras.ops.fitting import fit_pixels
from nst_keras.pictures.color import luma
from nst_keras.pictures.images import read_image
from nst_keras.storage.files import open_file


@dataclass(frozen=True)
class TrainedClassifier:
    """What nst-train or nst-finetune left.

    Attributes:
        model: From pixels 0..255 [batch, height, width, channels] to logits.
        class_names: One for each logit.
        image_shape: Height, width and channels that pictures were trained at.
        temperature: Divides the logits before the softmax, so that probabilities are calibrated.
        has_chances: Whether the outputs are meant as logits: those of the perceptron and ADALINE aren't.
        card: Model, data set and metrics, as the report has them.
    """

    model: keras.Model
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    temperature: float
    has_chances: bool
    card: Mapping[str, Any]


def load_classifier(folder: str | os.PathLike[str]) -> TrainedClassifier:
    """Loads what a finished training left in its folder."""
    path = Path(folder, REPORT)
    with open_file(path) as file:
        text = file.read()
    try:
        report: dict[str, Any] = json.loads(text)
        names = tuple(str(scores["name"]) for scores in report["classes"])
        height, width, channels = map(int, report["image_shape"])
        temperature = float(report["metrics"].get("temperature", 1.0))
        card = {name: report[name] for name in ("model", "dataset", "metrics")}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: isn't the report of a training: {error}") from error
    model = load_model(Path(folder, MODEL))
    if getattr(model, "input_shape", None) is None:  # a model that was subclassed has none
        inputs = keras.Input((height, width, channels))
        model = keras.Model(inputs, model(inputs))
    by_rule = card["model"] in CLASSIFIERS and CLASSIFIERS[card["model"]].by_rule
    return TrainedClassifier(model, names, (height, width, channels), temperature, not by_rule, card)


def split_by(folder: str | os.PathLike[str]) -> str:
    """What the pictures of a training were cut by, as `ImageDataset` has it; "" in older reports."""
    with open_file(Path(folder, REPORT)) as file:
        return str(json.loads(file.read()).get("split_by", ""))


def load_model(path: str | os.PathLike[str]) -> keras.Model:
    """Loads a .keras file, as nst-train writes it; code that a file may hold isn't run."""
    networks()  # so that Keras knows their classes when it meets them in a file
    with open_file(path) as file:
        if not zipfile.is_zipfile(file):
            raise InputError(f"{path}: is not a .keras file")
    try:
        try:
            return keras.saving.load_model(path, safe_mode=True)
        except (ValueError, TypeError):  # a loss or an optimiser of the user's own
            return keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, OSError, AttributeError, zipfile.BadZipFile) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{path}: cannot be loaded as a Keras model: {reason}") from error


def load_input(spec: str, model: keras.Model) -> np.ndarray:
    """Reads a picture as a model takes it, uint8 [height, width, channels]: cut and resized, gray if need be.

    `spec` is a picture file, or DATASET:N for the Nth test picture of a data set, from 0.
    """
    expected = tuple(getattr(model, "input_shape", ())[1:])
    if len(expected) != 3 or expected[2] not in (1, 3):
        raise InputError(f"model must take gray or RGB pictures. Received: input shape {expected}")
    name, _, number = spec.rpartition(":")
    if name and number.isdecimal() and not Path(spec).exists():
        image = _test_picture(name, int(number))
    else:
        image = np.clip(np.rint(read_image(spec)), 0, 255).astype(np.uint8)
    height, width = (wanted or side for wanted, side in zip(expected[:2], image.shape[:2], strict=True))
    return as_seen(image, (height, width, expected[2]))


def as_seen(image: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """A picture, uint8 [h, w, c], as a network of `shape` sees it: cut, resized, gray or RGB as it wants."""
    height, width, channels = shape
    if image.shape[2] != channels:
        gray = image.mean(axis=2, keepdims=True) if image.shape[2] != 3 else luma(image.astype(np.float32))
        image = np.repeat(np.rint(gray), channels, axis=2).astype(np.uint8)
    return np.asarray(fit_pixels(keras.ops.convert_to_tensor(image), height, width))


def _test_picture(name: str, index: int) -> np.ndarray:
    split = load_dataset(name).splits["test"]
    if index >= split.size:
        raise InputError(f"image must be {name}:0 to {name}:{split.size - 1}. Received: {name}:{index}")
    image, _ = next(split.examples.skip(index).as_numpy_iterator())
    return image
