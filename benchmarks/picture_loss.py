"""Losses of finished pictures, whoever made them, by one and the same yardstick.

    python benchmarks/picture_loss.py --content=PHOTO --style=PAINTING PICTURE ...

Prints one JSON object: for each picture and each preset's loss (Gatys et al.'s among them) every term and
the total. A picture is judged at its own size, after rounding to 8 bits.
"""

import argparse
import json

import tensorflow as tf

from nst_keras.losses.settings import CONTENT, STYLE
from nst_keras.pictures.images import read_image
from nst_keras.pictures.resizing import fit_size, resize
from nst_keras.transfer.objective import Objective
from nst_keras.transfer.presets import PRESETS
from nst_keras.weights.vgg19 import load_vgg19


def losses(objective: Objective, picture: str, content: str, style: str) -> dict[str, float]:
    """Returns each term of an objective for a picture, and "total"."""
    image, photo, painting = map(read_image, (picture, content, style))
    height, width = image.shape[:2]
    painting = resize(painting, *fit_size(painting, max(height, width)))
    targets = objective.targets(CONTENT, resize(photo, height, width)[None])
    targets |= objective.targets(STYLE, painting[None])
    total, terms, _ = objective.evaluate(tf.constant(image[None]), targets)
    named = dict(zip(objective.term_names, map(float, terms), strict=True))
    return named | {"total": float(total)}


def main() -> None:
    """Judges every picture by every preset."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--content", required=True)
    parser.add_argument("--style", required=True)
    parser.add_argument("--presets", default="gatys,default,notebook")
    parser.add_argument("pictures", nargs="+")
    flags = parser.parse_args()
    weights, report = load_vgg19("8bit"), {}
    for preset in flags.presets.split(","):
        objective = Objective(weights, PRESETS[preset])
        report[preset] = {
            picture: losses(objective, picture, flags.content, flags.style) for picture in flags.pictures
        }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
