"""Parts of a photo that are painted each after its own."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from nst_keras.losses.settings import CONTENT, STYLE
from nst_keras.models.vgg19 import pooled_mask
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.pictures.masks import Region, plan_regions
from nst_keras.pictures.resizing import resize
from nst_keras.transfer.descent import Pictures, State, finished_image, optimize_image, plan_scales
from nst_keras.transfer.objective import Objective
from nst_keras.transfer.settings import StyleTransferSettings


@pytest.fixture
def objective(random_weights: VGG19Weights, shallow: StyleTransferSettings) -> Objective:
    return Objective(random_weights, shallow)


def _mask(left: float, right: float, height: int = 40, width: int = 60) -> np.ndarray:
    mask = np.full([height, width, 3], left, np.float32)
    mask[:, width // 2 :] = right
    return mask


def _paint(objective: Objective, pictures: Pictures, settings: StyleTransferSettings) -> np.ndarray:
    state = optimize_image(objective, pictures, plan_scales(pictures.content, settings), settings)
    return finished_image(state, pictures, settings)


def _with_mask(pictures: Pictures, mask: np.ndarray, *style_masks: str) -> Pictures:
    regions = plan_regions(pictures.content, pictures.styles, pictures.blend, mask, style_masks)
    return replace(pictures, regions=regions)


def test_one_region_is_no_region(objective: Objective, pictures: Pictures) -> None:
    (region,) = _with_mask(pictures, np.full([40, 60, 3], 255.0)).regions
    image = pictures.content[np.newaxis]
    content, style = objective.targets(CONTENT, image + 9), pictures.styles[0][np.newaxis]
    whole = objective.evaluate(image, content | objective.targets(STYLE, style))
    everywhere = objective.targets(STYLE, style, np.ones([50, 30], np.float32))
    masked = objective.evaluate(image, content, [(region.mask, everywhere)])
    for one, other in zip(masked, whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_what_is_kept_is_the_photo_and_the_rest_is_painted(
    objective: Objective, pictures: Pictures, shallow: StyleTransferSettings
) -> None:
    painted = _paint(objective, _with_mask(pictures, _mask(255, 0)), shallow)
    photo = np.clip(resize(pictures.content, 32, 48), 0, 255)
    np.testing.assert_array_equal(np.rint(painted[:, 25:]), np.rint(photo[:, 25:]))
    assert np.abs(painted[:, :23] - photo[:, :23]).mean() > 3


def test_each_half_takes_after_its_own_painting(
    objective: Objective, pictures: Pictures, shallow: StyleTransferSettings
) -> None:
    red, blue = (np.full([40, 40, 3], color, np.float32) for color in ((230, 30, 30), (30, 30, 230)))
    both = Pictures(pictures.content, [red, blue], [0.5, 0.5])
    settings = replace(shallow, content_weight=0.01, optimizer="adam", num_steps=12)
    painted = _paint(objective, _with_mask(both, _mask(255, 0), "white", "black"), settings)
    before = resize(pictures.content, 32, 48)
    redder = (painted - before)[..., 0] - (painted - before)[..., 2]
    assert redder[:, :20].mean() > redder[:, 28:].mean() + 10


def test_terms_of_parts_add_up_to_the_whole(objective: Objective, pictures: Pictures) -> None:
    """Where every part has the whole's features and style, its loss is the whole's."""
    tile = np.random.default_rng(0).uniform(0, 255, (1, 16, 16, 3)).astype(np.float32)
    image, style = np.tile(tile, [1, 4, 4, 1]), pictures.styles[0][np.newaxis]
    content, targets = objective.targets(CONTENT, image), objective.targets(STYLE, style)
    left = np.zeros([64, 64], np.float32)
    left[:, :32] = 1
    whole, terms, gradient = objective.evaluate(image, content | targets)
    parts = objective.evaluate(image, content, [(left, targets), (1 - left, targets)])
    inside = slice(12, 20)
    assert float(parts[0]) == pytest.approx(float(whole), rel=0.05)  # borders differ
    np.testing.assert_allclose(parts[1], terms, rtol=0.1, atol=1e-4)
    assert np.corrcoef(np.ravel(parts[2][:, inside]), np.ravel(gradient[:, inside]))[0, 1] > 0.98


def test_pooled_masks_add_up_to_one() -> None:
    soft = tf.random.stateless_uniform([37, 53], [1, 2])
    for layer, shape in (("relu1_1", (37, 53)), ("relu3_1", (9, 13)), ("relu5_1", (2, 3))):
        pooled = [pooled_mask(mask, layer) for mask in (soft, 1 - soft)]
        assert pooled[0].shape == shape
        np.testing.assert_allclose(pooled[0] + pooled[1], np.ones(shape), atol=1e-6)


def test_a_part_that_pooling_cuts_off_does_no_harm(
    random_weights: VGG19Weights, shallow: StyleTransferSettings, pictures: Pictures
) -> None:
    """The last column of an odd width is in no position of a deeper layer."""
    objective = Objective(random_weights, replace(shallow, style_layers={"relu2_1": 1.0}))
    image, mask = np.full([1, 33, 33, 3], 90.0, np.float32), np.zeros([33, 33], np.float32)
    mask[:, -1] = 1
    targets = objective.targets(STYLE, pictures.styles[0][np.newaxis])
    total, _, gradient = objective.evaluate(image, objective.targets(CONTENT, image), [(mask, targets)])
    assert np.isfinite(total) and np.isfinite(gradient).all()


def test_parts_of_a_painting_count_for_their_regions_alone(objective: Objective) -> None:
    """The other half of the painting may be anything."""
    rng = np.random.default_rng(3)
    paintings = [rng.uniform(0, 255, (1, 32, 64, 3)).astype(np.float32) for _ in range(2)]
    paintings[1][:, :, :36] = paintings[0][:, :, :36]  # a little more than the part, for kernels look beyond
    left = np.zeros([32, 64], np.float32)
    left[:, :32] = 1
    one, other = (objective.targets(STYLE, painting, left) for painting in paintings)
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-4, atol=1e-4)
    assert not np.allclose(one[name], objective.targets(STYLE, paintings[0])[name], rtol=1e-3)


def test_a_state_of_any_size_keeps_regions(pictures: Pictures, shallow: StyleTransferSettings) -> None:
    kept = replace(pictures, regions=[Region(np.zeros([4, 6], np.float32), [None], [1.0])])
    finished = finished_image(State(0, 0, np.zeros([20, 30, 3], np.float32)), kept, shallow)
    np.testing.assert_allclose(finished, np.clip(resize(pictures.content, 20, 30), 0, 255))
