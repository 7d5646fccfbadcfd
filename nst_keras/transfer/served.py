"""The optimisation itself as a SavedModel: the whole descent runs inside the graph."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from nst_keras.losses.settings import CONTENT, STYLE
from nst_keras.losses.terms import Targets
from nst_keras.served.module import describe_with, picture_encoder, saved_variables, write_module
from nst_keras.served.picture_checks import MAX_PICTURES, Limits, check_pixels, checked, dimensions
from nst_keras.served.picture_files import FILES, check_files, decode_file
from nst_keras.transfer.objective import Objective

_COARSE = 2  # the descent begins at the picture's size divided by this
_MIN_SIDE = 32  # pixels; at half of that the deepest layer still has a position


class _ServedOptimizer(tf.Module):
    """The signature, and the loss network that it uses."""

    def __init__(
        self,
        loss: Objective,
        steps: tuple[int, int],
        learning_rate: float,
        margin: int,
        image_format: str,
        limits: Limits,
    ) -> None:
        super().__init__()
        self._loss, self._steps, self._learning_rate, self._margin = loss, steps, learning_rate, margin
        self._variables = saved_variables(loss.variables)
        self._encode, self._limits = picture_encoder(image_format), limits

    def paint(self, image: tf.Tensor, style_image: tf.Tensor) -> dict[str, tf.Tensor]:
        """Pixels in, pixels out."""
        images = [
            check_pixels(pixels, name, self._limits)
            for pixels, name in ((image, "image"), (style_image, "style_image"))
        ]
        same = tf.shape(image)[0] == tf.shape(style_image)[0]
        words = ["style_image must have one picture for each image. Received: shape "]
        images[0] = checked(images[0], same, [*words, dimensions(tf.shape(style_image))])
        spec = tf.TensorSpec([None, None, 3])
        painted = tf.map_fn(
            lambda one: self._descend(*one), tuple(images), fn_output_signature=spec, parallel_iterations=1
        )
        return {"image": painted}

    def paint_bytes(self, image_bytes: tf.Tensor, style_image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Files in, files out."""
        count = tf.shape(image_bytes, tf.int64)[0]
        received = tf.shape(style_image_bytes, tf.int64)
        words = ["style_image_bytes must have one file for each photo. Received: ", dimensions(received)]
        styles = checked(style_image_bytes, received[0] == count, words)
        # Nothing is shrunk before it is painted.
        as_they_are = tf.zeros([count], tf.int64)
        files = (
            check_files(image_bytes, self._limits, longest_side=as_they_are),
            check_files(styles, self._limits, "style picture"),
        )
        painted = tf.map_fn(self._paint_file, files, fn_output_signature=tf.string, parallel_iterations=1)
        return {"image_bytes": painted}

    def _paint_file(self, files: tuple[tf.Tensor, ...]) -> tf.Tensor:
        return self._encode(self._descend(*map(decode_file, files)))

    def _descend(self, content: tf.Tensor, style: tf.Tensor) -> tf.Tensor:
        """From the photo at a coarse size to the painted photo at its own."""
        size = tf.shape(content)[:2]
        longest = tf.reduce_max(size)
        image = content
        for divisor, steps in zip((_COARSE, 1), self._steps, strict=True):
            here = tf.maximum(size // divisor, _MIN_SIDE // _COARSE)
            image = self._widened(_resized(image, here))
            # Strokes are as large in relation to the picture at every size.
            style_here = _fitted(style, longest // divisor)[None]
            targets = self._loss.targets(STYLE, style_here)
            targets |= self._loss.targets(CONTENT, self._widened(_resized(content, here)))
            painted = self._optimize(image, targets, steps)[0]
            image = painted[self._margin :, self._margin :][: here[0], : here[1]]
        return tf.clip_by_value(image, 0.0, 255.0)

    def _widened(self, image: tf.Tensor) -> tf.Tensor:
        """A batch of one, with a mirrored margin."""
        around = [self._margin] * 2
        return tf.pad(image, [around, around, [0, 0]], mode="SYMMETRIC")[None]

    def _optimize(self, image: tf.Tensor, targets: Targets, steps: int) -> tf.Tensor:
        """Adam (Kingma & Ba 2015) within 0..255, its rate falling to 0 by a cosine."""
        decays = (0.9, 0.99)

        def step(
            count: tf.Tensor, image: tf.Tensor, mean: tf.Tensor, square: tf.Tensor
        ) -> tuple[tf.Tensor, ...]:
            gradient = self._loss.evaluate(image, targets)[2]
            mean = decays[0] * mean + (1 - decays[0]) * gradient
            square = decays[1] * square + (1 - decays[1]) * tf.square(gradient)
            done = tf.cast(count, tf.float32)
            rate = self._learning_rate * (1 + tf.cos(math.pi * done / steps)) / 2
            move = (mean / (1 - decays[0] ** (done + 1))) / (
                tf.sqrt(square / (1 - decays[1] ** (done + 1))) + 1e-8
            )
            return count + 1, tf.clip_by_value(image - rate * move, 0.0, 255.0), mean, square

        shape = tf.TensorShape([1, None, None, 3])
        variables = (tf.constant(0), image, tf.zeros_like(image), tf.zeros_like(image))
        return tf.while_loop(
            lambda count, *_: count < steps,
            step,
            variables,
            shape_invariants=(tf.TensorShape([]), shape, shape, shape),
            parallel_iterations=1,
        )[1]


def export_style_transfer(
    loss: Objective,
    folder: Path,
    *,
    card: Mapping[str, Any],
    steps: tuple[int, int],
    learning_rate: float,
    margin: int = 0,
    image_format: str = "png",
    max_pixels: int = 1024 * 1024,
    max_pictures: int = MAX_PICTURES,
) -> None:
    """Writes a SavedModel that optimises a picture for each request, which takes minutes on a CPU.

    - `serving_default`: `image` and `style_image`, float32 [batch, height, width, 3], RGB on 0..255, to
      `image`, as large as it came.
    - `serve_image_bytes`: `image_bytes` and `style_image_bytes`, PNG or JPEG files [batch] of any sizes, to
      `image_bytes`.
    - `describe`: `request`, any strings [batch], to `description`, the model card as JSON, for each.

    The descent is Adam's instead of L-BFGS, whose line search has no place in a graph; it begins at half the
    size, and at the photo. A request may hold `max_pictures`, of which each has at most `max_pixels`, and all
    four times as many. `steps` are those at half the size and at the full one; `margin` is as in
    `StyleTransferSettings`, and at most 16.
    """
    limits = Limits(max_pixels, max_pixels, _MIN_SIDE, max_pictures)
    description = {
        **card,
        "steps": list(steps),
        "learning_rate": learning_rate,
        "image_format": image_format,
        "image_bytes": FILES,
        **limits.card(),
    }
    text = json.dumps(description, sort_keys=True)
    module = _ServedOptimizer(loss, steps, learning_rate, margin, image_format, limits)
    pixels = [tf.TensorSpec([None, None, None, 3], name=name) for name in ("image", "style_image")]
    files = [tf.TensorSpec([None], tf.string, name=name) for name in ("image_bytes", "style_image_bytes")]
    write_module(
        module,
        folder,
        {
            "serving_default": (module.paint, pixels),
            "serve_image_bytes": (module.paint_bytes, files),
            "describe": describe_with(text),
        },
    )


def _resized(image: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    resized = tf.image.resize(image, size, method="lanczos3", antialias=True)
    return tf.clip_by_value(tf.ensure_shape(resized, [None, None, 3]), 0.0, 255.0)


def _fitted(image: tf.Tensor, longest_side: tf.Tensor) -> tf.Tensor:
    shape = tf.cast(tf.shape(image)[:2], tf.float64)
    size = tf.cast(tf.round(shape * (tf.cast(longest_side, tf.float64) / tf.reduce_max(shape))), tf.int32)
    return _resized(image, tf.maximum(size, _MIN_SIDE // _COARSE))
