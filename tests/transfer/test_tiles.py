"""Loss and gradient by tiles against those of the whole picture."""

import contextlib
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from nst_keras.errors import InputError
from nst_keras.losses.settings import CONTENT, STYLE, LossSettings
from nst_keras.models.vgg19 import feature_network
from nst_keras.models.vgg19_layout import LAYER_NAMES, VGG19Weights, reach, stride
from nst_keras.pictures.masks import Region
from nst_keras.pictures.resizing import resize
from nst_keras.transfer import memory
from nst_keras.transfer.descent import Pictures, optimize_image, plan_scales
from nst_keras.transfer.objective import Objective
from nst_keras.transfer.settings import StyleTransferSettings
from nst_keras.transfer.tiles import plan_tiles


@given(st.integers(16, 400), st.integers(16, 400), st.sampled_from([16, 48, 64, 100]), st.integers(0, 90))
def test_tiles_add_up_to_the_whole_on_every_layer(height: int, width: int, side: int, margin: int) -> None:
    tiles = plan_tiles(height, width, side, margin)
    for layer in ("relu1_1", "relu3_1", "relu5_1"):
        seen = np.zeros((height // stride(layer), width // stride(layer)), int)
        for tile in tiles:
            seen[tile.positions(layer)] += 1
            assert seen[tile.positions(layer)].size, "a tile without a position has no mean"
        assert (seen == 1).all()
    for tile in tiles:
        for axis, length in enumerate((height, width)):
            own, far = tile.own[axis], tile.seen[axis]
            assert far.start == 0 or own.start - far.start >= margin
            assert far.stop == length or far.stop - own.stop >= margin
            assert own.stop - own.start <= side + 32


def test_a_layer_sees_as_far_as_is_said(random_weights: VGG19Weights) -> None:
    layer, place = "relu3_2", 7
    features = feature_network(random_weights, [layer], pooling="average", convolution="direct")
    image = tf.Variable(tf.random.normal([1, 64, 64, 3], seed=1))
    with tf.GradientTape() as tape:
        one = tf.reduce_sum(features(image)[layer][0, place, place])
    rows = np.flatnonzero(np.abs(tape.gradient(one, image)[0]).sum((1, 2)))
    first, last = place * stride(layer), (place + 1) * stride(layer) - 1
    assert max(first - rows[0], rows[-1] - last) == reach(layer)
    assert [reach(name) for name in LAYER_NAMES if name in ("relu1_1", "relu5_1")] == [1, 70]


@pytest.mark.parametrize(
    "style_loss,masked,changes",
    [
        ("gram", False, {}),
        ("gram", True, {}),
        pytest.param(
            "gram",
            False,
            {"relative_losses": False, "edges": "zero", "pooling": "average"},
            marks=pytest.mark.large,
        ),
        pytest.param("gram_mean_std", True, {}, marks=pytest.mark.large),
        pytest.param("covariance", False, {}, marks=pytest.mark.large),
        pytest.param("covariance", True, {"pooling": "average"}, marks=pytest.mark.large),
        pytest.param("wasserstein", False, {"relative_losses": False}, marks=pytest.mark.large),
        pytest.param("wasserstein", True, {}, marks=pytest.mark.large),
    ],
)
def test_loss_and_gradient_equal_the_whole_pictures(
    style_loss: str, masked: bool, changes: dict, random_weights: VGG19Weights
) -> None:
    settings = LossSettings(
        content_layers={"relu1_2": 0.5, "relu2_2": 1.0},
        style_layers={"relu1_1": 0.5, "relu3_1": 0.5},
        tv_weight=0.01,
        style_loss=style_loss,
        **changes,
    )
    rng = np.random.default_rng(0)
    image, content, style, other = (
        tf.constant(rng.uniform(0, 255, (1, *size, 3)), tf.float32)
        for size in ((93, 130), (93, 130), (70, 101), (64, 50))
    )
    # The left, with a soft edge, after one painting; a strip that most tiles have nothing of after half of
    # another; the rest after nothing.
    left, strip, half = (np.zeros(size, np.float32) for size in ((93, 130), (93, 130), (64, 50)))
    left[:, :60], left[:, 60:80] = 1, np.linspace(1, 0, 20)
    strip[50:61, 101:] = 1
    half[:, :30] = 1
    results = []
    for side in (32, 1024):
        objective = Objective(random_weights, replace(settings, tile_size=side))
        targets, regions = objective.targets(CONTENT, content), []
        if masked:
            regions = [
                (left, objective.targets(STYLE, style)),
                (strip, objective.targets(STYLE, other, half)),
            ]
        else:
            targets |= objective.targets(STYLE, style)
        results.append([part.numpy() for part in objective.evaluate(image, targets, regions)])
    (loss, terms, gradient), (whole_loss, whole_terms, whole_gradient) = results
    # The smallest eigenvalues are lost in floats, which Wasserstein's roots make felt.
    terms_within = gradient_within = 1e-4
    if style_loss == "wasserstein":
        terms_within, gradient_within = 1e-3, 2e-2
    assert loss == pytest.approx(whole_loss, rel=terms_within)
    np.testing.assert_allclose(terms, whole_terms, rtol=terms_within)
    assert np.abs(gradient - whole_gradient).max() < gradient_within * np.abs(whole_gradient).max()


def test_features_that_are_not_kept_give_the_same_to_the_bit(
    random_weights: VGG19Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = LossSettings(
        content_layers={"relu1_2": 0.5, "relu2_2": 1.0}, style_layers={"relu2_1": 1.0}, tile_size=32
    )
    rng = np.random.default_rng(0)
    image, content = (tf.constant(rng.uniform(0, 255, (1, 93, 130, 3)), tf.float32) for _ in range(2))
    results = []
    for largest in (1e9, 0):
        monkeypatch.setattr(memory, "_LARGEST_KEPT", largest)
        objective = Objective(random_weights, settings)
        targets = objective.targets(CONTENT, content)
        kept = sum(look.nbytes for look in targets["content/relu1_2"].looks.values())
        assert (kept > 0) == (largest > 0)
        targets |= objective.targets(STYLE, image[:, :50])
        results.append([part.numpy() for part in objective.evaluate(image, targets)])
    for part, same in zip(*results, strict=True):
        np.testing.assert_array_equal(part, same)


def test_a_margin_is_painted_by_tiles_as_the_rest(
    random_weights: VGG19Weights, shallow: StyleTransferSettings, photo: np.ndarray
) -> None:
    settings = replace(shallow, size=64, coarse_steps=0, num_steps=1, margin=8)
    settings = replace(settings, optimizer="sgd", learning_rate=1e5)
    left = np.zeros(photo.shape[:2], np.float32)
    left[:, :70] = 1
    style = photo[::-1, :90].copy()
    pictures = Pictures(photo, [style], [1.0], regions=[Region(left, [None], [1.0])])
    images = []
    for side in (32, 1024):
        tiled = replace(settings, tile_size=side)
        state = optimize_image(Objective(random_weights, tiled), pictures, plan_scales(photo, tiled), tiled)
        assert state.image.shape == (43, 64, 3)
        images.append(state.image)
    assert np.abs(images[1] - np.clip(resize(photo, 43, 64), 0, 255)).mean() > 1
    np.testing.assert_allclose(*images, atol=0.05)


@pytest.mark.parametrize(
    "style_loss,in_regions,refused",
    [("mean_std", False, True), ("mean_std", True, True), ("gram", True, False), ("gram", False, False)],
)
def test_what_needs_the_whole_picture_says_so_before_the_first_step(
    style_loss: str, in_regions: bool, refused: bool, random_weights: VGG19Weights, photo: np.ndarray
) -> None:
    settings = StyleTransferSettings(
        size=48,
        coarse_steps=0,
        num_steps=1,
        tile_size=32,
        style_loss=style_loss,
        content_layers={"relu1_1": 1.0},
        style_layers={"relu1_1": 1.0},
    )
    regions = [Region(np.ones([8, 8], np.float32), [None], [1.0])] if in_regions else []
    pictures = Pictures(photo, [photo], [1.0], regions=regions)
    objective, scales, steps = Objective(random_weights, settings), plan_scales(photo, settings), []
    words = "^this style_loss takes the picture as a whole, but 48x32 pixels need tiles"
    with pytest.raises(InputError, match=words) if refused else contextlib.nullcontext():
        optimize_image(objective, pictures, scales, settings, callback=steps.append)
    assert len(steps) == (0 if refused else 1)
