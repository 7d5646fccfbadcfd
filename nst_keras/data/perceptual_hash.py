"""What a picture looks like in 64 bytes and in 64 bits, so that copies of it are found again.

These are the lowest frequencies of a picture that was made gray and 32 by 32 pixels small, and their signs,
as in Zauner, "Implementation and benchmarking of perceptual image hash functions" (2010). A copy that was
resized, recompressed or made a little brighter keeps nearly all of them; one that was turned, mirrored or cut
to a part doesn't, and colours alone count for nothing.
"""

import functools

import numpy as np
from PIL import Image

# ImageHash compares float sums with their median, where a tie falls as the machine rounds, and gives signs
# alone. Here sums are of whole numbers below 2^53, in float64: the same everywhere, and flat pictures are 0.
_SIDE, _FREQUENCIES, _SCALE = 32, 64, 1024
_COARSE_BITS = 12
HASH = ">u8"  # of NumPy


def low_frequencies(pixels: np.ndarray) -> np.ndarray:
    """The 64 lowest frequencies of a picture but its mean, the greatest as 127 or -127; zeros if it is flat.

    Args:
        pixels: [h, w, 1 or 3], sRGB, whole numbers on 0..255.

    Returns:
        int8 [64], by rising frequency.
    """
    levels = pixels.astype(np.uint8)
    image = Image.fromarray(levels[..., 0] if levels.shape[2] == 1 else levels).convert("L")
    small = image.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    cosines, rows, columns = _basis()
    sums = (cosines @ np.asarray(small, np.float64) @ cosines.T)[rows, columns]
    greatest = np.abs(sums).max()
    return np.rint(127 * sums / greatest).astype(np.int8) if greatest else np.zeros(_FREQUENCIES, np.int8)


def perceptual_hash(frequencies: np.ndarray) -> np.ndarray:
    """The signs of low frequencies, int8 [..., 64], as numbers of 64 bits [...], the lowest first."""
    return np.packbits(frequencies > 0, axis=-1).view(HASH)[..., 0]


def coarse_look(hashes: np.ndarray) -> np.ndarray:
    """The signs of the 12 lowest frequencies alone, uint16 [...]: what the side of a cut follows from.

    More bits tell more pictures apart, but each is one more that a copy may have otherwise.
    """
    return (hashes >> np.uint64(_FREQUENCIES - _COARSE_BITS)).astype(">u2")


@functools.cache
def _basis() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cosines of the discrete cosine transform (DCT-II) as whole numbers, and which pairs are used."""
    pairs = [(row, column) for row in range(_SIDE) for column in range(_SIDE) if row or column]
    pairs.sort(key=lambda pair: (sum(pair), abs(pair[0] - pair[1]), pair))
    rows, columns = np.array(pairs[:_FREQUENCIES]).T
    angles = np.pi / (2 * _SIDE) * np.outer(np.arange(columns.max() + 1), 2 * np.arange(_SIDE) + 1)
    return np.rint(_SCALE * np.cos(angles)), rows, columns
