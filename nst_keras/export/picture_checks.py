"""Checks that a served graph makes by itself: what is wrong with which picture of a batch."""

import tensorflow as tf

# Pillow's and browsers' pictures begin so; other formats aren't taken, since their sizes can't be read first.
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"


def decode_picture(data: tf.Tensor, index: tf.Tensor, max_pixels: int, min_side: int) -> tf.Tensor:
    """Decodes an encoded picture after a look at its header, so that a small file can't fill the memory.

    Args:
        data: Bytes of a PNG or JPEG file, a string scalar.
        index: Its place in the batch, for messages.
        max_pixels: Largest height times width.
        min_side: Least height and width.

    Returns:
        float32 [height, width, 3], RGB on 0..255; gray becomes RGB, transparency is left out.

    Raises:
        InvalidArgumentError: If it isn't such a picture, is damaged, too large or too small.
    """
    place = tf.strings.as_string(index)
    is_png = tf.strings.substr(data, 0, len(_PNG)) == _PNG
    is_jpeg = tf.strings.substr(data, 0, len(_JPEG)) == _JPEG
    # A PNG has its size at fixed places: 8 bytes signature, 8 of its first chunk, width, height.
    long_enough = tf.strings.length(data) >= 33
    words = ["picture ", place, " must be a whole PNG or JPEG file"]
    data = checked(data, is_png & long_enough | is_jpeg, words)
    height, width = tf.cond(is_png, lambda: _png_size(data), lambda: _jpeg_size(data))
    size = [tf.strings.as_string(width), "x", tf.strings.as_string(height)]
    words = ["picture ", place, f" must have at most {max_pixels} pixels. Received: ", *size]
    data = checked(data, (height > 0) & (width > 0) & (height * width <= max_pixels), words)
    words = ["picture ", place, f" must be at least {min_side} pixels wide and high. Received: ", *size]
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


def dimensions(shape: tf.Tensor) -> tf.Tensor:
    """A shape in words, such as 2x4."""
    return tf.strings.reduce_join(tf.strings.as_string(shape), separator="x")


def _png_size(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    sides = tf.io.decode_raw(tf.strings.substr(data, 16, 8), tf.uint8, little_endian=False)
    sides = tf.reshape(tf.cast(sides, tf.int64), [2, 4])
    width, height = tf.unstack(tf.tensordot(sides, tf.constant([2**24, 2**16, 2**8, 1], tf.int64), 1))
    return height, width


def _jpeg_size(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    shape = tf.io.extract_jpeg_shape(data, output_type=tf.int64)
    return shape[0], shape[1]
