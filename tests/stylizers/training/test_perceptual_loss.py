"""The loss of stylizers is that of the optimiser."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from nst_keras.losses.settings import CONTENT, STYLE
from nst_keras.losses.terms import blended, stacked
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.stylizers.training.perceptual_loss import PerceptualLoss
from nst_keras.transfer.objective import Objective
from nst_keras.transfer.settings import StyleTransferSettings


def _pictures(count: int, *shape: int) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.uniform(0, 255, (*shape, 3)).astype(np.float32) * (i + 1) / count for i in range(count)]


@pytest.mark.parametrize("relative", [True, False])
def test_terms_of_one_picture_are_the_optimiser_s(
    random_weights: VGG19Weights, shallow: StyleTransferSettings, relative: bool
) -> None:
    settings = replace(shallow, relative_losses=relative)
    image, content = _pictures(2, 24, 32)
    styles = _pictures(2, 40, 28)
    loss = PerceptualLoss(random_weights, settings, styles)
    objective = Objective(random_weights, settings)
    assert loss.terms.names == objective.term_names
    for blend in ([0.0, 1.0], [0.25, 0.75]):
        terms = loss(tf.constant(image[None]), tf.constant(content[None]), tf.constant([blend]))
        targets = stacked([objective.targets(STYLE, style[None]) for style in styles])
        targets = blended(targets, tf.constant([blend])) | objective.targets(CONTENT, content[None])
        expected = objective.evaluate(tf.constant(image[None]), targets)[1]
        np.testing.assert_allclose(list(terms.values()), expected, rtol=1e-4)


def test_a_batch_gives_the_mean_of_its_pictures(
    random_weights: VGG19Weights, shallow: StyleTransferSettings
) -> None:
    images, contents = np.stack(_pictures(3, 24, 24)), np.stack(_pictures(3, 24, 24)[::-1])
    loss = PerceptualLoss(random_weights, shallow, _pictures(2, 40, 28))
    styles = np.array([[1, 0], [0, 1], [0.5, 0.5]], np.float32)
    single = [
        loss(*(tf.constant(array[i : i + 1]) for array in (images, contents, styles))) for i in range(3)
    ]
    together = loss(tf.constant(images), tf.constant(contents), tf.constant(styles))
    for name, value in together.items():
        np.testing.assert_allclose(value, np.mean([terms[name] for terms in single]), rtol=1e-4)


def test_the_content_itself_has_no_content_loss_and_a_painting_no_style_loss(
    random_weights: VGG19Weights, shallow: StyleTransferSettings
) -> None:
    (painting,) = _pictures(1, 32, 32)
    loss = PerceptualLoss(random_weights, shallow, [painting])
    image = tf.constant(painting[None])
    terms = loss(image, image, tf.constant([[1.0]]))
    assert float(terms["content/relu2_1"]) == pytest.approx(0, abs=1e-6)
    assert float(terms["style/relu1_1"]) == pytest.approx(0, abs=1e-6)
    assert float(terms["total_variation"]) > 0


@pytest.mark.parametrize("weight", ["content_weight", "style_weight", "tv_weight"])
def test_terms_without_weight_are_left_out(
    random_weights: VGG19Weights, shallow: StyleTransferSettings, weight: str
) -> None:
    loss = PerceptualLoss(random_weights, replace(shallow, **{weight: 0.0}), _pictures(1, 32, 32))
    image = tf.constant(_pictures(1, 24, 24)[0][None])
    terms = loss(image, image, tf.constant([[1.0]]))
    left_out = {"content_weight": "content", "style_weight": "style", "tv_weight": "total_variation"}[weight]
    assert len(terms) >= 2 and not any(name.startswith(left_out) for name in terms)
