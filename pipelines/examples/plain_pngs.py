"""PNG files that hold nothing but 8-bit pixels: such a picture needs no other encoding to be an example."""

import struct
import zlib

from nst_keras.pictures.encoding import PNG_SIGNATURE, png_chunks

_COLOR_TYPES = {1: 0, 3: 2}  # by channels: gray and RGB, ISO/IEC 15948
_LARGEST_FILTER = 4


def is_plain(encoded: bytes, shape: tuple[int, int, int]) -> bool:
    """Whether a file of a shape [height, width, 1 or 3] begins as plain PNGs do."""
    return encoded.startswith(_beginning(*shape)) and encoded[37:41] == b"IDAT"


def is_sound(encoded: bytes, shape: tuple[int, int, int]) -> bool:
    """Whether a plain file is whole and each checksum right, to its end: no decoder sees other pixels."""
    if not is_plain(encoded, shape):
        return False
    row = 1 + shape[1] * shape[2]
    size, pixels = shape[0] * row, zlib.decompressobj()
    try:
        chunks = list(png_chunks(encoded))
        # One byte more than there may be, so that no bomb gets further.
        rows = pixels.decompress(b"".join(data for kind, data, _ in chunks if kind == b"IDAT"), size + 1)
    except (struct.error, zlib.error):
        return False
    kinds = [kind for kind, _, _ in chunks]
    return (
        kinds == [b"IHDR", *[b"IDAT"] * (len(kinds) - 2), b"IEND"]
        and all(zlib.crc32(kind + data) == checksum for kind, data, checksum in chunks)
        and len(rows) == size
        and pixels.eof
        and max(rows[::row]) <= _LARGEST_FILTER
    )


def _beginning(height: int, width: int, channels: int) -> bytes:
    """The signature and what the header says but for its checksum; not interlaced."""
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOR_TYPES[channels], 0, 0, 0)
    return PNG_SIGNATURE + struct.pack(">I4s", len(header), b"IHDR") + header
