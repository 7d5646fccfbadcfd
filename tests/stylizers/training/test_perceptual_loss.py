"""The loss of stylizers is that of the optimiser."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

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
    assert loss.term_names == objective.term_names
    for blend in ([0.0, 1.0], [0.25, 0.75]):
        terms = loss(tf.constant(image[None]), tf.constant(content[None]), tf.constant([blend]))
        expected = objective.evaluate(
            tf.constant(image[None]),
            objective.content_targets(content),
            objective.style_targets(styles, blend),
        )[1]
        np.testing.assert_allclose(terms, expected, rtol=1e-4)


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
    np.testing.assert_allclose(together, np.mean(single, axis=0), rtol=1e-4)


def test_the_content_itself_has_no_content_loss_and_a_painting_no_style_loss(
    random_weights: VGG19Weights, shallow: StyleTransferSettings
) -> None:
    (painting,) = _pictures(1, 32, 32)
    loss = PerceptualLoss(random_weights, shallow, [painting])
    image = tf.constant(painting[None])
    terms = dict(zip(loss.term_names, loss(image, image, tf.constant([[1.0]])).numpy(), strict=True))
    assert terms["content/relu2_1"] == pytest.approx(0, abs=1e-6)
    assert terms["style/relu1_1"] == pytest.approx(0, abs=1e-6)
    assert terms["total_variation"] > 0
