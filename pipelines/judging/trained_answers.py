"""What a trained model says of a picture by itself, to compare its SavedModel's answer with."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipelines.judging.stylizers import stylizer_in

if TYPE_CHECKING:
    from nst_keras.classifiers.trained import TrainedClassifier
    from nst_keras.stylizers.painter import Painter


def trained_answer(
    folder: Path, data: bytes, name: str, inputs: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Asks the model in an artifact's folder about a picture's file, as it is read in trainings.

    Returns `probabilities`, float32 [1, classes], or `pixels`, float32 [1, h, w, 3] on 0..255. Of a stylizer,
    `inputs` are those of the signature `serve_image_bytes` beside the picture: its style, and sizes as they
    are.
    """
    from nst_keras.pictures.images import decode_image

    pixels = decode_image(data, name)
    if stylizer := stylizer_in(folder):
        return {"pixels": _painted(_painter(stylizer), pixels, inputs)[np.newaxis]}
    return {"probabilities": _probabilities(_classifier(folder), pixels)}


@functools.lru_cache(maxsize=1)
def _classifier(folder: Path) -> "TrainedClassifier":
    from nst_keras.classifiers.trained import load_classifier

    return load_classifier(folder)


@functools.lru_cache(maxsize=1)
def _painter(stylizer: str) -> "Painter":
    from nst_keras.stylizers.by_name import load_painter
    from nst_keras.stylizers.engines.settings import TENSORFLOW

    return load_painter(stylizer, TENSORFLOW)


def _probabilities(classifier: "TrainedClassifier", pixels: np.ndarray) -> np.ndarray:
    import tensorflow as tf

    from nst_keras.classifiers.trained import as_seen

    seen = as_seen(pixels.astype(np.uint8), classifier.image_shape)
    logits = classifier.model(tf.cast(seen[np.newaxis], tf.float32), training=False)
    return np.asarray(tf.nn.softmax(logits / classifier.temperature))


def _painted(painter: "Painter", pixels: np.ndarray, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    from nst_keras.pictures.images import decode_image
    from nst_keras.stylizers.settings import FastSettings

    if painter.styles:
        weights = inputs["style_weights"][0]
        blend = painter.blend(painter.styles, list(map(float, weights)))
    else:
        painting = decode_image(inputs["style_image_bytes"][0], "the painting")
        blend = painter.blend([painting])
    return np.clip(painter.paint(pixels, blend, FastSettings(size=0)), 0, 255)
