"""Checks that a served graph makes by itself: what is wrong with which picture of a batch."""

from dataclasses import dataclass

import tensorflow as tf

_DECODED = 16  # files of the largest size that a request may hold
MAX_PICTURES = 64  # of a request for painted pictures, unless an export says otherwise
_PAINTED = 4  # pictures of the largest size that a request may have painted


@dataclass(frozen=True)
class Limits:
    """What a request may hold.

    Attributes:
        pixels: Of a picture as the model gets it.
        file_pixels: Of a file, which may be made smaller first.
        side: Least height and width.
        pictures: How many.
    """

    pixels: int
    file_pixels: int
    side: int
    pictures: int

    @property
    def all_pixels(self) -> int:
        """Of all pictures as the model gets them."""
        return _PAINTED * self.pixels

    @property
    def all_file_pixels(self) -> int:
        """Of all files."""
        return _DECODED * self.file_pixels

    def card(self) -> dict[str, int]:
        """As a model's card has them."""
        return {
            "max_pixels": self.pixels,
            "max_pictures": self.pictures,
            "max_request_pixels": self.all_pixels,
            "min_side": self.side,
        }


def checked(value: tf.Tensor, condition: tf.Tensor, words: list[tf.Tensor | str]) -> tf.Tensor:
    """Returns a value, unless the condition fails: then an InvalidArgumentError whose text is the words.

    Only what uses the returned value waits for the check.
    """
    with tf.control_dependencies([tf.debugging.Assert(condition, [tf.strings.join(words)])]):
        return tf.identity(value)


def check_count(values: tf.Tensor, limits: Limits) -> tf.Tensor:
    """Returns what has a row for each picture, unless those are too many."""
    count = tf.shape(values, tf.int64)[:1]
    words = [f"a request must have at most {limits.pictures} pictures. Received: ", dimensions(count)]
    return checked(values, count[0] <= limits.pictures, words)


def check_pixels(images: tf.Tensor, name: str, limits: Limits) -> tf.Tensor:
    """Returns pictures [batch, height, width, 3], unless their number, size or values aren't allowed."""
    images = check_count(images, limits)
    shape = tf.shape(images, tf.int64)
    text = f"{name} must have sides of at least {limits.side} and at most {limits.pixels} pixels in all"
    words = [text, ". Received: height x width = ", dimensions(shape[1:3])]
    fits = (shape[1] * shape[2] <= limits.pixels) & (tf.reduce_min(shape[1:3]) >= limits.side)
    images = checked(images, fits, words)
    images = check_sum(images, tf.repeat(shape[None, 1:3], shape[0], axis=0), limits.all_pixels, "pictures")
    return checked(images, tf.reduce_all(tf.math.is_finite(images)), [f"{name} must hold finite numbers"])


def check_sum(values: tf.Tensor, sizes: tf.Tensor, most: int, what: str) -> tf.Tensor:
    """Returns values, unless sizes [batch, 2] have too many pixels together."""
    total = tf.reduce_sum(tf.reduce_prod(sizes, axis=1))
    words = [f"{what} of a request must have at most {most} pixels in all. Received: "]
    return checked(values, total <= most, [*words, tf.strings.as_string(total)])


def check_strength(strength: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """Returns strengths [batch], unless there isn't one in 0..1 for each of `count` pictures."""
    strength = one_each(strength, count, "strength")
    return good_each(strength, (strength >= 0) & (strength <= 1), "strength must lie in 0..1")


def check_longest_side(longest_side: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """Returns lengths [batch], unless there isn't one from 0 for each of `count` pictures."""
    longest_side = one_each(longest_side, count, "longest_side")
    return good_each(longest_side, longest_side >= 0, "longest_side must be at least 0")


def dimensions(shape: tf.Tensor) -> tf.Tensor:
    """A shape in words, such as 2x4."""
    return tf.strings.reduce_join(tf.strings.as_string(shape), separator="x")


def one_each(
    values: tf.Tensor, count: tf.Tensor, name: str, what: str = "number", *, or_one: bool = False
) -> tf.Tensor:
    """Returns values, unless there isn't one (a `what`) for each of `count` pictures, `or_one` for all."""
    received = tf.shape(values, tf.int64)[:1]
    expected = f"{name} must have one {what} for each picture{', or one for all' if or_one else ''}"
    good = (received[0] == count) | (received[0] == 1) if or_one else received[0] == count
    return checked(values, good, [f"{expected}. Received: ", dimensions(received)])


def good_each(values: tf.Tensor, good: tf.Tensor, text: str) -> tf.Tensor:
    """Returns values, unless some aren't good; names the first picture of a batch with such."""
    first = tf.argmin(tf.cast(good, tf.int32))
    return checked(values, tf.reduce_all(good), [text, ", for picture ", tf.strings.as_string(first)])


def limited(image: tf.Tensor, longest_side: tf.Tensor, min_side: int) -> tf.Tensor:
    """Shrinks a picture, or all of a batch, if the longer side is longer than that.

    The other side keeps at least `min_side` pixels.
    """
    shape = tf.shape(image)[-3:-1]
    size = tf.cast(limited_sizes(tf.cast(shape, tf.int64), longest_side, min_side), tf.int32)
    resized = tf.clip_by_value(tf.image.resize(image, size, "lanczos3", antialias=True), 0.0, 255.0)
    return tf.cond(tf.reduce_all(size == shape), lambda: image, lambda: resized)


def limited_sizes(sizes: tf.Tensor, longest_side: tf.Tensor, min_side: int) -> tf.Tensor:
    """What `limited` makes of sizes, int64 [..., 2]; 0 leaves them as they are."""
    longest = tf.reduce_max(sizes, axis=-1, keepdims=True)
    longest_side = tf.cast(longest_side, tf.int64)
    wanted = tf.where(longest_side > 0, tf.minimum(longest_side, longest), longest)
    scale = tf.cast(wanted, tf.float64) / tf.cast(longest, tf.float64)
    shrunk = tf.cast(tf.round(tf.cast(sizes, tf.float64) * scale), tf.int64)
    return tf.maximum(shrunk, min_side)
