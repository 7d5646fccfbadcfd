"""A stylizer as a SavedModel that needs nothing of ours: photos and a style in, paintings out."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from nst_keras.ops.cycle_spinning import MARGIN, offsets
from nst_keras.served.module import (
    GRAY_PNG,
    GRAY_SIDE,
    describe_with,
    picture_encoder,
    saved_variables,
    traced_once,
    write_module,
)
from nst_keras.served.picture_checks import (
    MAX_PICTURES,
    Limits,
    check_longest_side,
    check_pixels,
    check_strength,
    checked,
    dimensions,
    good_each,
    limited,
    one_each,
)
from nst_keras.served.picture_files import FILES, check_files, decode_file

_DEFAULT_SIDE = 1024  # pixels of the longest side, where a request doesn't say
_GRAY_PIXELS = np.full([1, GRAY_SIDE, GRAY_SIDE, 3], 127.5, np.float32)

Request = tuple[str, Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class Served:
    """What an architecture gives to be served.

    Attributes:
        stylize: Paints pictures [batch, h, w, 3] on 0..255, each in a style of its own, or all in one:
            weights of all styles [batch or 1, styles] that add up to 1, or what `look` gives; and with a
            strength of its own, [batch], from 0, which leaves the picture as it is, to 1.
        variables: All that it uses.
        card: What `describe` tells, plain values.
        min_side: Least height and width of photos and paintings, in pixels.
        styles: Names of the styles, in the order of the weights; none if a style is any painting.
        look: What is kept of paintings [batch, h, w, 3] on 0..255, float32 [batch, ...], without `styles`.
        max_file_pixels: Of a file, which may be made smaller before it is painted; 0: as of what is painted.
    """

    stylize: Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
    variables: Sequence[Any]
    card: Mapping[str, Any]
    min_side: int
    styles: tuple[str, ...] = ()
    max_file_pixels: int = 0
    look: Callable[[tf.Tensor], tf.Tensor] = tf.identity


def spun(paint: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor, passes: int, grid: int) -> tf.Tensor:
    """What `cycle_spun` makes of pictures [batch, h, w, 3]; the network is there once, in a loop."""
    if passes == 1:
        return paint(images)
    moves = tf.constant(offsets(passes, grid))
    height, width = tf.unstack(tf.shape(images)[1:3])

    def paint_next(number: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        first = MARGIN + moves[number]
        pads = tf.stack([first, MARGIN - moves[number]], axis=1)
        painted = paint(tf.pad(images, tf.pad(pads, [[1, 1], [0, 0]]), "SYMMETRIC"))
        top, left = tf.unstack(first)
        total += painted[:, top : top + height, left : left + width]
        return number + 1, tf.ensure_shape(total, images.shape)

    _, total = tf.while_loop(
        lambda number, _: number < passes, paint_next, (0, tf.zeros_like(images)), parallel_iterations=1
    )
    return total / passes


class _NamedStyles:
    """The input of both signatures that says how much of each style a picture gets."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.pixels = self.files = tf.TensorSpec([None, None], name="style_weights")
        self.example = self.file_example = np.eye(count, dtype=np.float32)[:1]

    def checked(self, weights: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        """Weights that add up to 1, or a sentence about what is wrong with them."""
        shape = tf.shape(weights, tf.int64)
        expected = f"style_weights must have {self._count} numbers for each picture, or once for all"
        words = [f"{expected}. Received: shape "]
        fits = ((shape[0] == count) | (shape[0] == 1)) & (shape[1] == self._count)
        weights = checked(weights, fits, [*words, dimensions(shape)])
        sums = tf.reduce_sum(weights, axis=1)
        good = tf.reduce_all((weights >= 0) & tf.math.is_finite(weights), axis=1) & (sums > 0)
        weights = good_each(weights, good, "style_weights must be finite, at least 0 and not all 0")
        return tf.reshape(weights, [-1, self._count]) / sums[:, None]

    checked_files = checked

    def looked(self, weights: tf.Tensor) -> tf.Tensor:
        return weights

    looked_files = looked


class _Paintings:
    """The input that is a painting for each picture or for all: pixels with pixels, and files with files."""

    pixels = tf.TensorSpec([None, None, None, 3], name="style_image")
    files = tf.TensorSpec([None], tf.string, name="style_image_bytes")
    example, file_example = _GRAY_PIXELS, np.array([GRAY_PNG], object)

    def __init__(self, limits: Limits, look: Callable[[tf.Tensor], tf.Tensor]) -> None:
        self._limits, self.looked = limits, look
        self._spec = tf.TensorSpec(look(tf.constant(_GRAY_PIXELS)).shape[1:])

    def checked(self, paintings: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        paintings = check_pixels(paintings, "style_image", self._limits)
        return one_each(paintings, count, "style_image", "picture", or_one=True)

    def checked_files(self, files: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        files = one_each(files, count, "style_image_bytes", "file", or_one=True)
        return check_files(files, self._limits, "style picture")

    def looked_files(self, files: tf.Tensor) -> tf.Tensor:
        """Once at each file, however many pictures are painted after it."""

        def look(data: tf.Tensor) -> tf.Tensor:
            return self.looked(decode_file(data)[None])[0]

        return tf.map_fn(look, files, fn_output_signature=self._spec, parallel_iterations=1)


class _ServedStylizer(tf.Module):
    """The signatures, and the weights that they use."""

    def __init__(self, served: Served, limits: Limits, image_format: str) -> None:
        super().__init__()
        self._stylize, self._limits = served.stylize, limits
        self._variables = saved_variables(served.variables)
        self._encode = picture_encoder(image_format)
        self.style = _NamedStyles(len(served.styles)) if served.styles else _Paintings(limits, served.look)
        self.files = [
            tf.TensorSpec([None], tf.string, name="image_bytes"),
            self.style.files,
            tf.TensorSpec([None], name="strength"),
            tf.TensorSpec([None], tf.int32, name="longest_side"),
        ]
        paint_bytes = traced_once(self._paint_bytes, self.files)
        # A function that saving finds among the attributes would be traced once more for it, and kept twice.
        self.paint_bytes: Callable[..., dict[str, tf.Tensor]] = lambda *inputs: paint_bytes(*inputs)

    def paint(self, image: tf.Tensor, style: tf.Tensor, strength: tf.Tensor) -> dict[str, tf.Tensor]:
        """Pixels in, pixels out."""
        image = check_pixels(image, "image", self._limits)
        count = tf.shape(image, tf.int64)[0]
        style, strength = self.style.checked(style, count), check_strength(strength, count)
        return {"image": self._stylize(image, self.style.looked(style), strength)}

    def _paint_bytes(
        self, image_bytes: tf.Tensor, style: tf.Tensor, strength: tf.Tensor, longest_side: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Files in, files out; pictures of a batch may have different sizes."""
        count = tf.shape(image_bytes, tf.int64)[0]
        longest_side = check_longest_side(longest_side, count)
        image_bytes = check_files(image_bytes, self._limits, longest_side=longest_side)
        strength = check_strength(strength, count)
        looked = self.style.looked_files(self.style.checked_files(style, count))
        looked = tf.repeat(looked, count // tf.shape(looked, tf.int64)[0], axis=0)
        for_each = (image_bytes, looked, strength, longest_side)
        painted = tf.map_fn(self._paint_file, for_each, fn_output_signature=tf.string, parallel_iterations=1)
        return {"image_bytes": painted}

    def paint_bytes_alone(self, image_bytes: tf.Tensor, *styles: tf.Tensor) -> dict[str, tf.Tensor]:
        """Files in, files out, with the first style, or the painting that is given, at full strength."""
        count = tf.size(image_bytes)
        style = styles[0] if styles else tf.repeat(tf.constant(self.style.file_example), count, axis=0)
        sides = tf.fill([count], min(_DEFAULT_SIDE, math.isqrt(self._limits.pixels)))
        return self.paint_bytes(image_bytes, style, tf.ones([count]), sides)

    def _paint_file(self, one: tuple[tf.Tensor, ...]) -> tf.Tensor:
        data, style, strength, longest_side = one
        image = limited(decode_file(data), longest_side, self._limits.side)
        return self._encode(self._stylize(image[None], style[None], strength[None])[0])


def export_stylizer(
    served: Served, folder: Path, *, image_format: str, max_pixels: int, max_pictures: int = MAX_PICTURES
) -> list[Request]:
    """Writes a SavedModel with four signatures, and returns requests to warm it up, by signature.

    - `serving_default`: `image`, float32 [batch, height, width, 3], RGB on 0..255; `style_weights`, float32
      [batch, styles], or `style_image`, as many as `image`, or one for all; and `strength`, float32 [batch];
      to `image`, the same shape as it came.
    - `serve_image_bytes`: `image_bytes`, PNG or JPEG files [batch] of any sizes; `style_weights`, or
      `style_image_bytes`, likewise; `strength`; and `longest_side`, int32 [batch], to which larger pictures
      are shrunk (0: not); to `image_bytes`.
    - `serve_defaults`: `image_bytes` alone, with `style_image_bytes` where styles are paintings; to
      `image_bytes` in the first style, at full strength, with at most 1024 pixels on the longest side.
    - `describe`: `request`, any strings [batch], to `description`, the model card as JSON, for each.

    A request may hold `max_pictures`, of which each has at most `max_pixels` as it is painted, and all four
    times as many. Whatever is wrong with an input ends the call with INVALID_ARGUMENT and a sentence that
    says what.
    """
    file_pixels = max(max_pixels, served.max_file_pixels)
    limits = Limits(max_pixels, file_pixels, served.min_side, max_pictures)
    module = _ServedStylizer(served, limits, image_format)
    card = {**served.card, "image_format": image_format, "image_bytes": FILES, **limits.card()}
    card |= {"styles": list(served.styles)} if served.styles else {}
    image = tf.TensorSpec([None, None, None, 3], name="image")
    style, (data, _, strength, _) = module.style, module.files
    write_module(
        module,
        folder,
        {
            "serving_default": (module.paint, [image, style.pixels, strength]),
            "serve_image_bytes": (module.paint_bytes, module.files),
            "serve_defaults": (module.paint_bytes_alone, [data] if served.styles else [data, style.files]),
            "describe": describe_with(json.dumps(card, sort_keys=True)),
        },
    )
    full = np.ones(1, np.float32)
    return [
        ("serving_default", {"image": _GRAY_PIXELS, "strength": full, style.pixels.name: style.example}),
        (
            "serve_image_bytes",
            {
                "image_bytes": np.array([GRAY_PNG], object),
                "longest_side": np.zeros(1, np.int32),
                "strength": full,
                style.files.name: style.file_example,
            },
        ),
    ]
