"""How much of a picture is copied from a painting, things and all, instead of painted in its manner.

    python benchmarks/copies.py --style=PAINTING PICTURE ...

Prints one JSON object with `copied_share` of each picture.
"""

import argparse
import json
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from nst_keras.losses.copies import copied_share
from nst_keras.models.vgg19 import feature_network
from nst_keras.ops.preprocessing import preprocess
from nst_keras.pictures.images import read_image
from nst_keras.pictures.resizing import fit_size, resize
from nst_keras.weights.vgg19 import load_vgg19

SIDE = 256  # longest side at which pictures and paintings are compared
LAYER, STRIDE = "relu4_1", 8
STROKE = 32  # pixels; a larger piece of the painting shows a thing


def judge(style: np.ndarray) -> Callable[[np.ndarray], float]:
    """Returns what tells the copied share of a picture; both are [h, w, 3] on 0..255."""
    weights = load_vgg19("8bit")
    network = feature_network(weights, [LAYER], edges="replicate")

    def look(image: np.ndarray) -> np.ndarray:
        image = resize(image, *fit_size(image, SIDE))
        features = network(preprocess(tf.constant(image[np.newaxis], tf.float32), weights.mean_pixel))
        return np.asarray(features[LAYER])[0]

    painting, piece = look(style), (STROKE // STRIDE) ** 2
    return lambda picture: copied_share(look(picture), painting, piece=piece)


def main() -> None:
    """Judges every picture by its painting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--style", required=True)
    parser.add_argument("pictures", nargs="+")
    flags = parser.parse_args()
    share = judge(read_image(flags.style))
    print(json.dumps({path: round(share(read_image(path)), 3) for path in flags.pictures}, indent=1))


if __name__ == "__main__":
    main()
