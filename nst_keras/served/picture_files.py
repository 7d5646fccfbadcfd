"""Picture files inside a served graph: refused by their headers, decoded upright, as trainings read them."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from nst_keras.pictures.color import LUMA
from nst_keras.served.picture_checks import (
    Limits,
    check_count,
    check_sum,
    checked,
    dimensions,
    limited_sizes,
)

# What a card says of the files that a model takes.
FILES = (
    "PNG or JPEG, turned upright as EXIF says, transparency over white; ICC profiles aren't followed: "
    "colours are taken for sRGB"
)

# Pillow's and browsers' pictures begin so; other formats aren't taken, since their sizes can't be read first.
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_PNG_HEAD = 33  # bytes of signature and first chunk

# Where a picture's orientation is looked for: Exif comes early, and a file may be long.
_HEAD, _MOST_SEGMENTS, _MOST_TAGS = 2**18, 64, 256
_EXIF, _EXIF_CHUNK = list(b"Exif\0\0"), list(b"eXIf")
_COLOR_TYPE, _WITH_ALPHA, _ALPHA_CHUNK = 25, (4, 6), list(b"tRNS")  # of a PNG
_APP0, _APP1, _APP15, _COMMENT, _FILL = 0xE0, 0xE1, 0xEF, 0xFE, 0xFF  # of a JPEG
_ORIENTATION, _SHORT = 0x0112, 3


def check_files(
    files: tf.Tensor, limits: Limits, what: str = "picture", longest_side: tf.Tensor | None = None
) -> tf.Tensor:
    """Returns files [batch], unless their headers show one that may not be decoded, or too many pixels.

    With `longest_side` [batch], to which pictures are shrunk, what they become is looked at as well.
    Messages say what it is, and its place in the batch. Nothing is decoded.
    """
    files = check_count(files, limits)

    def size(one: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        return _checked_size(*one, limits, what)

    spec = tf.TensorSpec([2], tf.int64)
    places = tf.range(tf.size(files))
    sizes = tf.map_fn(size, (places, files), fn_output_signature=spec, parallel_iterations=1)
    files = check_sum(files, sizes, limits.all_file_pixels, "files")
    if longest_side is None:
        return files
    sizes = limited_sizes(sizes, longest_side[:, None], limits.side)
    few = tf.reduce_prod(sizes, axis=1) <= limits.pixels
    first = tf.argmin(tf.cast(few, tf.int32))
    limit = f" must have at most {limits.pixels} pixels when it is painted (see longest_side)"
    received = [". Received: ", dimensions(tf.reshape(sizes[first : first + 1, ::-1], [-1]))]
    files = checked(files, tf.reduce_all(few), [what, " ", tf.strings.as_string(first), limit, *received])
    return check_sum(files, sizes, limits.all_pixels, "painted pictures")


def decode_file(data: tf.Tensor, channels: int = 3) -> tf.Tensor:
    """Decodes a file that was checked, as trainings see it: float32 [height, width, channels] on 0..255.

    It is turned as EXIF says, transparency is laid over white, gray becomes RGB, and RGB gray if there is one
    channel. Pixels equal Pillow's, but for the colours of ICC profiles.
    """
    head = _Bytes(data)
    image = tf.cond(_is_png(data), lambda: _decode_png(data, head), lambda: _decode_jpeg(data))
    image.set_shape([None, None, 3])
    if channels == 1:
        image = tf.round(tf.tensordot(image, tf.constant(LUMA)[:, None], 1))
    return _upright(image, _orientation(data, head))


def _is_png(data: tf.Tensor) -> tf.Tensor:
    return tf.strings.substr(data, 0, len(_PNG)) == _PNG


def _checked_size(index: tf.Tensor, data: tf.Tensor, limits: Limits, what: str) -> tf.Tensor:
    """Height and width by the header, int64."""
    place = tf.strings.join([what, " ", tf.strings.as_string(index)])
    is_jpeg = tf.strings.substr(data, 0, len(_JPEG)) == _JPEG
    whole = _is_png(data) & (tf.strings.length(data) >= _PNG_HEAD) | is_jpeg
    data = checked(data, whole, [place, " must be a whole PNG or JPEG file"])
    size = tf.cond(_is_png(data), lambda: _png_size(data), lambda: _jpeg_size(data))
    received = [" Received: ", dimensions(size[::-1])]
    words = [place, f" must have at most {limits.file_pixels} pixels.", *received]
    size = checked(size, tf.reduce_all(size > 0) & (tf.reduce_prod(size) <= limits.file_pixels), words)
    words = [place, f" must be at least {limits.side} pixels wide and high.", *received]
    return checked(size, tf.reduce_all(size >= limits.side), words)


def _png_size(data: tf.Tensor) -> tf.Tensor:
    sides = tf.io.decode_raw(tf.strings.substr(data, 16, 8), tf.uint8, little_endian=False)
    sides = tf.reshape(tf.cast(sides, tf.int64), [2, 4])
    return tf.tensordot(sides, tf.constant([2**24, 2**16, 2**8, 1], tf.int64), 1)[::-1]


def _jpeg_size(data: tf.Tensor) -> tf.Tensor:
    return tf.io.extract_jpeg_shape(data, output_type=tf.int64)[:2]


def _decode_jpeg(data: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE"), tf.float32)


def _decode_png(data: tf.Tensor, head: "_Bytes") -> tf.Tensor:
    # TensorFlow gives an opaque picture of less than 8 bits a wrong alpha, so it isn't asked for one.
    kind = head.at(tf.constant(_COLOR_TYPE, tf.int64))
    transparent = tf.reduce_any(kind == _WITH_ALPHA) | (_find_in_png(head, _ALPHA_CHUNK) > 0)
    return tf.cond(
        transparent,
        lambda: _over_white(tf.io.decode_png(data, channels=4)),
        lambda: tf.cast(tf.io.decode_png(data, channels=3), tf.float32),
    )


def _over_white(image: tf.Tensor) -> tf.Tensor:
    """Uint8 RGBA laid over white."""
    share = tf.cast(image[..., 3:], tf.float32) / 255
    return tf.round(tf.cast(image[..., :3], tf.float32) * share + 255 * (1 - share))


def _upright(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Undoes an orientation, 1 to 8 as Exif numbers them."""

    def turned() -> tf.Tensor:
        turned = tf.cond(orientation >= 5, lambda: tf.transpose(image, [1, 0, 2]), lambda: image)
        to_left = tf.reduce_any(orientation == [2, 3, 6, 7])
        to_top = tf.reduce_any(orientation == [3, 4, 7, 8])
        turned = tf.cond(to_left, lambda: turned[:, ::-1], lambda: turned)
        return tf.cond(to_top, lambda: turned[::-1], lambda: turned)

    upright = tf.cond(orientation == 1, lambda: image, turned)
    upright.set_shape(image.shape)
    return upright


class _Bytes:
    """The beginning of a file as numbers; 0 stands for what lies outside."""

    def __init__(self, data: tf.Tensor) -> None:
        head = tf.strings.substr(data, 0, _HEAD)
        self._values = tf.io.decode_raw(head, tf.uint8)
        self.size = tf.size(self._values, tf.int64)

    def at(self, positions: tf.Tensor) -> tf.Tensor:
        """The numbers at positions, int64."""
        inside = (positions >= 0) & (positions < self.size)
        values = tf.gather(self._values, tf.clip_by_value(positions, 0, self.size - 1))
        return tf.where(inside, tf.cast(values, tf.int64), 0)

    def number(self, position: tf.Tensor, length: int, little: tf.Tensor | bool = False) -> tf.Tensor:
        """An unsigned number of some bytes, or of so many at each of several positions."""
        places = tf.range(length, dtype=tf.int64)
        powers = 256 ** tf.where(little, places, length - 1 - places)
        return tf.reduce_sum(self.at(position[..., None] + places) * powers, axis=-1)

    def are(self, position: tf.Tensor, wanted: list[int]) -> tf.Tensor:
        """Whether these numbers begin at a position."""
        return tf.reduce_all(self.at(position + tf.range(len(wanted), dtype=tf.int64)) == wanted)


def _orientation(data: tf.Tensor, head: _Bytes) -> tf.Tensor:
    """The orientation that a file's Exif data names; 1, upright, if there is none, or none that is valid."""
    tiff = tf.cond(_is_png(data), lambda: _find_in_png(head, _EXIF_CHUNK), lambda: _find_in_jpeg(head))
    return tf.cond(tiff > 0, lambda: _read_orientation(head, tiff), lambda: tf.constant(1, tf.int64))


def _find_in_jpeg(head: _Bytes) -> tf.Tensor:
    """Where the TIFF structure of Exif begins, which comes before the tables; 0: nowhere."""

    def goes_on(position: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        marker = head.at(position + 1)
        of_metadata = (marker >= _APP0) & (marker <= _APP15) | (marker == _COMMENT) | (marker == _FILL)
        return (position + 4 <= head.size) & (head.at(position) == 0xFF) & of_metadata

    def step(position: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        marker = head.at(position + 1)
        found = (marker == _APP1) & head.are(position + 4, _EXIF)
        length = tf.where(marker == _FILL, tf.constant(1, tf.int64), 2 + head.number(position + 2, 2))
        return position + length, tf.where(found, position + 4 + len(_EXIF), 0)

    return _search(goes_on, step, 2)


def _find_in_png(head: _Bytes, chunk: list[int]) -> tf.Tensor:
    """Where what a chunk holds begins, if it comes before the pixels; 0: nowhere."""

    def goes_on(position: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        return (position + 12 <= head.size) & ~head.are(position + 4, list(b"IDAT"))

    def step(position: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        found = head.are(position + 4, chunk)
        return position + 12 + head.number(position, 4), tf.where(found, position + 8, 0)

    return _search(goes_on, step, len(_PNG))


def _search(goes_on: Callable[..., Any], step: Callable[..., Any], begin: int) -> tf.Tensor:
    """Goes from part to part of a file until one is found; returns where."""
    start, nowhere = tf.constant(begin, tf.int64), tf.constant(0, tf.int64)
    return tf.while_loop(
        lambda position, found: (found == 0) & goes_on(position, found),
        step,
        (start, nowhere),
        parallel_iterations=1,
        maximum_iterations=_MOST_SEGMENTS,
    )[1]


def _read_orientation(head: _Bytes, tiff: tf.Tensor) -> tf.Tensor:
    little = head.at(tiff) == ord("I")
    directory = tiff + head.number(tiff + 4, 4, little)
    count = tf.minimum(head.number(directory, 2, little), _MOST_TAGS)
    entries = directory + 2 + 12 * tf.range(count)
    is_it = (head.number(entries, 2, little) == _ORIENTATION) & (
        head.number(entries + 2, 2, little) == _SHORT
    )
    values = tf.boolean_mask(head.number(entries + 8, 2, little), is_it)
    value = tf.reduce_max(tf.concat([values[:1], [1]], 0))
    return tf.where(value <= 8, value, 1)
