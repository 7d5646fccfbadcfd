"""Checks that a served graph makes by itself: what is wrong with which picture of a batch."""

import tensorflow as tf

# Pillow's and browsers' pictures begin so; other formats aren't taken, since their sizes can't be read first.
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"


def decode_picture(
    data: tf.Tensor, index: tf.Tensor, max_pixels: int, min_side: int, what: str = "picture"
) -> tf.Tensor:
    """Decodes a PNG or JPEG file after a look at its header, so that a small one can't fill the memory.

    Returns float32 [height, width, 3], RGB on 0..255; gray becomes RGB, transparency is left out.
    Messages say what it is, and its place in the batch, the index.
    """
    place = tf.strings.join([what, " ", tf.strings.as_string(index)])
    is_png = tf.strings.substr(data, 0, len(_PNG)) == _PNG
    is_jpeg = tf.strings.substr(data, 0, len(_JPEG)) == _JPEG
    # A PNG has its size at fixed places: 8 bytes signature, 8 of its first chunk, width, height.
    long_enough = tf.strings.length(data) >= 33
    data = checked(data, is_png & long_enough | is_jpeg, [place, " must be a whole PNG or JPEG file"])
    height, width = tf.cond(is_png, lambda: _png_size(data), lambda: _jpeg_size(data))
    size = [tf.strings.as_string(width), "x", tf.strings.as_string(height)]
    words = [place, f" must have at most {max_pixels} pixels. Received: ", *size]
    data = checked(data, (height > 0) & (width > 0) & (height * width <= max_pixels), words)
    words = [place, f" must be at least {min_side} pixels wide and high. Received: ", *size]
    data = checked(data, (height >= min_side) & (width >= min_side), words)
    image = tf.io.decode_image(data, channels=3, expand_animations=False)
    image.set_shape([None, None, 3])
    return tf.cast(image, tf.float32)


def checked(value: tf.Tensor, condition: tf.Tensor, words: list[tf.Tensor | str]) -> tf.Tensor:
    """Returns a value, unless the condition fails: then an InvalidArgumentError whose text is the words.

    Only what uses the returned value waits for the check.
    """
    with tf.control_dependencies([tf.debugging.Assert(condition, [tf.strings.join(words)])]):
        return tf.identity(value)


def check_pixels(images: tf.Tensor, name: str, max_pixels: int, min_side: int) -> tf.Tensor:
    """Returns pictures [batch, height, width, 3], unless their size or their values aren't allowed."""
    shape = tf.shape(images, tf.int64)
    limits = f"{name} must have sides of at least {min_side} and at most {max_pixels} pixels in all"
    words = [limits, ". Received: height x width = ", dimensions(shape[1:3])]
    fits = (shape[1] * shape[2] <= max_pixels) & (tf.reduce_min(shape[1:3]) >= min_side)
    images = checked(images, fits, words)
    return checked(images, tf.reduce_all(tf.math.is_finite(images)), [f"{name} must hold finite numbers"])


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


def one_each(values: tf.Tensor, count: tf.Tensor, name: str, what: str = "number") -> tf.Tensor:
    """Returns values, unless there isn't one (a `what`) for each of `count` pictures."""
    received = tf.shape(values, tf.int64)[:1]
    words = [f"{name} must have one {what} for each picture. Received: ", dimensions(received)]
    return checked(values, received[0] == count, words)


def good_each(values: tf.Tensor, good: tf.Tensor, text: str) -> tf.Tensor:
    """Returns values, unless some aren't good; names the first picture of a batch with such."""
    first = tf.argmin(tf.cast(good, tf.int32))
    return checked(values, tf.reduce_all(good), [text, ", for picture ", tf.strings.as_string(first)])


def limited(image: tf.Tensor, longest_side: tf.Tensor, min_side: int) -> tf.Tensor:
    """Shrinks a picture, or all of a batch, if the longer side is longer than that.

    The other side keeps at least `min_side` pixels.
    """
    shape = tf.shape(image)[-3:-1]
    longest = tf.reduce_max(shape)
    wanted = tf.where(longest_side > 0, tf.minimum(longest_side, longest), longest)
    scale = tf.cast(wanted, tf.float64) / tf.cast(longest, tf.float64)
    size = tf.cast(tf.round(tf.cast(shape, tf.float64) * scale), tf.int32)
    size = tf.maximum(size, min_side)
    resized = tf.clip_by_value(tf.image.resize(image, size, "lanczos3", antialias=True), 0.0, 255.0)
    return tf.cond(tf.reduce_all(size == shape), lambda: image, lambda: resized)


def _png_size(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    sides = tf.io.decode_raw(tf.strings.substr(data, 16, 8), tf.uint8, little_endian=False)
    sides = tf.reshape(tf.cast(sides, tf.int64), [2, 4])
    width, height = tf.unstack(tf.tensordot(sides, tf.constant([2**24, 2**16, 2**8, 1], tf.int64), 1))
    return height, width


def _jpeg_size(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    shape = tf.io.extract_jpeg_shape(data, output_type=tf.int64)
    return shape[0], shape[1]
