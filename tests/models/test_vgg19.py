"""VGG-19 against keras.applications, with the real weights."""

import keras
import numpy as np
import pytest

from nst_keras.errors import InputError
from nst_keras.models.vgg19 import deepest_layer, feature_extractor, vgg19
from nst_keras.models.vgg19_layout import CONV_SHAPES, VGG19Weights
from nst_keras.ops.preprocessing import preprocess


def _keras_features(weights: VGG19Weights, photo: np.ndarray, layers: list[str]) -> list[np.ndarray]:
    """The network of keras.applications with our weights; its conv layers end in a ReLU."""
    network = keras.applications.VGG19(include_top=False, weights=None)
    for name, (kernel, bias) in weights.layers.items():
        if name == "conv1_1":  # Keras's preprocessing turns RGB into BGR
            kernel = kernel[:, :, ::-1]
        network.get_layer(f"block{name[4]}_conv{name[6]}").set_weights([kernel, bias])
    outputs = [network.get_layer(layer).output for layer in layers]
    inputs = keras.applications.vgg19.preprocess_input(photo[np.newaxis].copy())
    return [np.asarray(f) for f in keras.Model(network.input, outputs)(inputs)]


@pytest.mark.parametrize("convolution", ["direct", "winograd"])
def test_equals_keras_applications(real_weights: VGG19Weights, photo: np.ndarray, convolution: str) -> None:
    ours = ["relu1_1", "relu2_2", "pool3", "relu4_2", "relu5_4", "pool5"]
    theirs = ["block1_conv1", "block2_conv2", "block3_pool", "block4_conv2", "block5_conv4"]
    expected = _keras_features(real_weights, photo, [*theirs, "block5_pool"])
    model = feature_extractor(vgg19(real_weights, convolution=convolution), ours)
    features = model(preprocess(photo[np.newaxis], real_weights.mean_pixel))
    for name, values in zip(ours, expected, strict=True):
        error = np.abs(features[name] - values).max() / np.abs(values).max()
        # Direct convolution sums the same products; Winograd's rounding grows with depth.
        assert error < (1e-5 if convolution == "direct" else 5e-5), name


def test_features_of_a_photo_have_the_known_statistics(real_weights: VGG19Weights, photo: np.ndarray) -> None:
    """Guards channel order and mean pixel: a wrong one moves each of these by 2 % or more."""
    model = feature_extractor(vgg19(real_weights, deepest="relu5_1"), ["relu1_1", "relu5_1"])
    features = model(preprocess(photo[np.newaxis], real_weights.mean_pixel))
    silent = {name: float(np.mean(values == 0)) for name, values in features.items()}
    assert silent["relu1_1"] == pytest.approx(0.4653, rel=0.01)
    assert float(np.mean(features["relu5_1"])) == pytest.approx(69.83, rel=0.01)


def test_is_built_no_deeper_than_asked_and_frozen() -> None:
    model = vgg19(deepest="relu2_1")
    assert [layer.name for layer in model.layers[1:]] == (
        ["conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1", "conv2_1", "relu2_1"]
    )
    assert not model.trainable_weights
    assert deepest_layer(["relu2_1", "pool1"]) == "relu2_1"


def test_average_pooling_averages() -> None:
    weights = {n: (np.zeros(s, "f"), np.zeros(s[-1], "f")) for n, s in CONV_SHAPES.items()}
    kernel = np.zeros(CONV_SHAPES["conv1_1"], np.float32)
    kernel[1, 1, 0] = 1  # conv1_1 passes red on, conv1_2 the first channel
    second = np.zeros(CONV_SHAPES["conv1_2"], np.float32)
    second[1, 1, 0] = 1
    weights |= {"conv1_1": (kernel, weights["conv1_1"][1]), "conv1_2": (second, np.zeros(64, "f"))}
    made = VGG19Weights(weights, (0.0, 0.0, 0.0), "", "", "")
    image = np.random.default_rng(0).uniform(0, 9, (1, 4, 4, 3)).astype(np.float32)
    blocks = image[0, :, :, 0].reshape(2, 2, 2, 2)
    for pooling, expected in (("average", blocks.mean((1, 3))), ("max", blocks.max((1, 3)))):
        pooled = vgg19(made, deepest="pool1", pooling=pooling)(image)
        np.testing.assert_allclose(pooled[0, :, :, 0], expected, rtol=1e-5)


def test_replicated_edges_see_no_border_on_a_flat_picture(real_weights: VGG19Weights) -> None:
    flat = np.full((1, 16, 16, 3), 90.0, np.float32)
    for edges, seen in (("replicate", False), ("zero", True)):
        features = vgg19(real_weights, deepest="relu1_1", edges=edges)(flat)
        assert features.shape == (1, 16, 16, 64)
        assert bool(np.ptp(features, axis=(1, 2)).max() > 1) == seen


@pytest.mark.parametrize("height,width", [(16, 16), (17, 31), (40, 24)])
def test_any_size(height: int, width: int) -> None:
    model = vgg19(deepest="pool4")
    assert model(np.zeros((2, height, width, 3), "f")).shape == (2, height // 16, width // 16, 512)


def test_unknown_names_are_answered_with_the_list() -> None:
    with pytest.raises(InputError, match=r"relu5_1.*Received: layer=relu6_1"):
        vgg19(deepest="relu6_1")
    with pytest.raises(InputError, match=r"conv1_1, relu1_1\. Received: layer=relu2_1"):
        feature_extractor(vgg19(deepest="relu1_1"), ["relu2_1"])
    with pytest.raises(InputError, match=r"max, average. Received: pooling=mean"):
        vgg19(pooling="mean")
