"""How much of a picture is copied from a painting, things and all, instead of painted in its manner.

    python benchmarks/copies.py --style=PAINTING PICTURE ...

Prints one JSON object with `copied_share` of each picture.
"""

import argparse
import json

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


def main() -> None:
    """Judges every picture by its painting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--style", required=True)
    parser.add_argument("pictures", nargs="+")
    flags = parser.parse_args()
    weights = load_vgg19("8bit")
    network = feature_network(weights, [LAYER], edges="replicate")

    def look(path: str) -> np.ndarray:
        image = read_image(path)
        image = resize(image, *fit_size(image, SIDE))
        features = network(preprocess(tf.constant(image[np.newaxis], tf.float32), weights.mean_pixel))
        return np.asarray(features[LAYER])[0]

    painting, piece = look(flags.style), (STROKE // STRIDE) ** 2
    report = {path: copied_share(look(path), painting, piece=piece) for path in flags.pictures}
    print(json.dumps({path: round(share, 3) for path, share in report.items()}, indent=1))


if __name__ == "__main__":
    main()
