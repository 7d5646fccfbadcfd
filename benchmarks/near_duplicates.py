"""How many copies of pictures lie on the side of their original when a set is cut by appearance.

    python benchmarks/near_duplicates.py PICTURE ...

Prints one JSON object: for each kind of copy the shares in percent that have the same 12 bits, that lie on
one side, and whose 64 bits differ in at most three; and for small pictures that are much alike how many looks
they have, and the share of the largest, which lies on one side as a whole.
"""

import argparse
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from nst_keras.data.debian_fashion_mnist import DEBIAN_DIR, FILE_NAMES
from nst_keras.data.perceptual_hash import coarse_look, low_frequencies, perceptual_hash
from nst_keras.data.settings import APPEARANCE
from nst_keras.data.splits import SplitRule, plan_splits
from nst_keras.pictures.images import read_image

_WINDOWS, _LARGEST = 12, 1000  # cut out of each picture; longest side of pictures, in pixels
_IMAGES, _HEADER_BYTES = FILE_NAMES[0], 16
Change = Callable[[Image.Image], Image.Image]


def _jpeg(quality: int) -> Change:
    def change(image: Image.Image) -> Image.Image:
        data = io.BytesIO()
        image.save(data, "JPEG", quality=quality)
        return Image.open(data)

    return change


def _resized(factor: float) -> Change:
    return lambda image: image.resize((round(image.width * factor), round(image.height * factor)))


def _cropped(share: float) -> Change:
    def change(image: Image.Image) -> Image.Image:
        x, y = round(image.width * share / 2), round(image.height * share / 2)
        return image.crop((x, y, image.width - x, image.height - y))

    return change


CHANGES: dict[str, Change] = {
    **{f"JPEG of quality {quality}": _jpeg(quality) for quality in (30, 50, 75)},
    **{f"resized by {factor:g}": _resized(factor) for factor in (0.5, 0.75, 1.5)},
    **{f"brightness times {factor:g}": lambda i, f=factor: i.point(lambda v: v * f) for factor in (0.9, 1.1)},
    **{f"{share:.0%} cut off each way": _cropped(share) for share in (0.02, 0.04)},
}


def hash_of(image: Image.Image) -> int:
    """The perceptual hash of a picture."""
    return int(perceptual_hash(low_frequencies(np.atleast_3d(np.asarray(image)))))


def windows(path: str, rng: np.random.Generator) -> list[Image.Image]:
    """A picture and square parts of it."""
    image = Image.fromarray(read_image(path).astype(np.uint8))
    image.thumbnail((_LARGEST, _LARGEST))
    parts, shorter = [image], min(image.size)
    for _ in range(_WINDOWS):
        side = int(rng.integers(min(150, shorter), shorter, endpoint=True))
        x, y = (int(rng.integers(0, length - side, endpoint=True)) for length in image.size)
        parts.append(image.crop((x, y, x + side, y + side)))
    return parts


def compare(originals: list[Image.Image]) -> dict[str, dict[str, float]]:
    """What becomes of copies by kind."""
    rows, hashes = {}, np.array([hash_of(image) for image in originals], ">u8")
    for name, change in CHANGES.items():
        copies = np.array([hash_of(change(image)) for image in originals], ">u8")
        bits = np.array([int(one).bit_count() for one in hashes ^ copies])
        looks = coarse_look(np.concatenate([hashes, copies]))
        side = np.empty(len(looks), object)
        for split, plan in plan_splits({"train": np.zeros(len(looks), int)}, RULE, looks).items():
            side[plan.indices] = split
        one, other = np.split(looks, 2)
        together = np.equal(*np.split(side, 2))
        same = {"same 12 bits": one == other, "one side": together, "at most 3 of 64 bits": bits <= 3}
        rows[name] = {what: round(100 * float(np.mean(which)), 1) for what, which in same.items()}
    return rows


def merged(pictures: np.ndarray) -> dict[str, float]:
    """How many looks pictures have, uint8 [n, h, w], and the largest's share in percent."""
    hashes = np.array([hash_of(Image.fromarray(picture)) for picture in pictures], ">u8")
    counts = np.unique(coarse_look(hashes), return_counts=True)[1]
    return {
        "pictures": len(pictures),
        "looks": len(counts),
        "largest": round(100 * counts.max() / len(pictures), 1),
    }


RULE = SplitRule(0.1, 0, APPEARANCE)


def main() -> None:
    """Compares copies of the given pictures, and counts looks of sets of small ones."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pictures", nargs="+")
    flags, rng = parser.parse_args(), np.random.default_rng(0)
    originals = [part for path in sorted(flags.pictures) for part in windows(path, rng)]
    found = {"pictures": len(originals), "copies": compare(originals)}
    found["photos"] = {"looks": len({hash_of(image) >> 52 for image in originals})}
    found["digits"] = merged((load_digits().images * 15.9).astype(np.uint8))
    found["noise"] = merged(rng.integers(0, 256, (5000, 32, 32), np.uint8))
    path = Path(DEBIAN_DIR, _IMAGES)
    if path.exists():
        data = np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=_HEADER_BYTES)
        found["fashion_mnist"] = merged(data.reshape(-1, 28, 28))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
