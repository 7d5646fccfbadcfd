"""The convolutional classifiers: shapes, scaling, errors, and that saved ones reload."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from nst_keras.classifiers.registry import CLASSIFIERS, build_classifier
from nst_keras.errors import InputError
from nst_keras.models.cnn import advanced_cnn, small_cnn


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("shape", [(8, 8, 1), (29, 17, 3)])
def test_pixels_in_logits_out_and_saved_models_reload(
    name: str, shape: tuple[int, int, int], tmp_path: Path
) -> None:
    model = build_classifier(name, shape, 7)
    images = np.random.default_rng(0).integers(0, 256, (3, *shape)).astype(np.float32)
    logits = model(images).numpy()
    assert logits.shape == (3, 7)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras")(images), logits)


@pytest.mark.parametrize("name", ["mlp", "small_cnn", "advanced_cnn"])
def test_the_seed_decides_the_weights(name: str) -> None:
    one, same, other = (build_classifier(name, (8, 8, 1), 3, seed=seed).get_weights() for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(one, same, strict=True))
    assert any((a != b).any() for a, b in zip(one, other, strict=True))


def test_a_start_from_raw_pixels_is_near_chance() -> None:
    """Scaling is part of the models: pixels 0..255 must not saturate the first loss."""
    images = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 3)).astype(np.float32)
    for build in (small_cnn, advanced_cnn):
        probabilities = keras.ops.softmax(build((16, 16, 3), 10)(images, training=True)).numpy()
        assert np.log(10) * 0.5 < -np.log(probabilities).mean() < np.log(10) * 2


@pytest.mark.parametrize(
    "build,shape,classes,message",
    [
        (small_cnn, (3, 8, 1), 10, "Pictures are 3x8 but must be at least 4x4"),
        (small_cnn, (8, 8, 1), 1, "num_classes must be a whole number, at least 2. Received: num_classes=1"),
        (advanced_cnn, (8, 8, 1), 0, "Received: num_classes=0"),
    ],
)
def test_what_can_not_be_built(
    build: Callable[..., keras.Model], shape: tuple[int, int, int], classes: int, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        build(shape, classes)


def test_a_stage_halves_the_picture_and_widens_it() -> None:
    model = advanced_cnn((28, 28, 1), 10, filters=(4, 8, 16), blocks=(2, 1, 1))
    assert model.get_layer("stage1_block2_relu2").output.shape[1:] == (28, 28, 4)
    assert model.get_layer("stage3_block1_relu2").output.shape[1:] == (7, 7, 16)


def test_unknown_names_are_answered_with_the_choices() -> None:
    with pytest.raises(InputError, match="small_cnn"):
        build_classifier("resnet", (8, 8, 1), 2)
