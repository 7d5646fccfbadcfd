"""Judges: nothing is nearest to itself but itself, and distances are the losses without weights."""

from collections.abc import Iterator

import numpy as np
import pytest
import tensorflow as tf

from nst_keras.losses.settings import CONTENT, STYLE, LossSettings
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.stylizers.judges import FeatureJudge, OptimizerJudge
from nst_keras.transfer.objective import Objective


def _picture(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 100 + 50 * seed, (*shape, 3)).astype(np.float32)


PHOTO, PICTURE, PAINTINGS = (
    _picture(0, 24, 32),
    _picture(1, 24, 32),
    [_picture(2, 32, 32), _picture(3, 40, 28)],
)


@pytest.fixture
def untraced() -> Iterator[None]:
    """Functions run as they stand, which is faster where each is called once or twice."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.usefixtures("untraced")
@pytest.mark.large
def test_the_optimisers_judge_tells_its_losses_without_weights(random_weights: VGG19Weights) -> None:
    judge = OptimizerJudge(random_weights, PAINTINGS)
    objective = Objective(
        random_weights,
        LossSettings(content_weight=1.0, style_weight=1.0, tv_weight=0.0, color_tv_weight=0.0),
    )
    targets = objective.targets(CONTENT, PHOTO[None]) | objective.targets(STYLE, PAINTINGS[1][None])
    content, *style = objective.evaluate(tf.constant(PICTURE[None]), targets)[1].numpy()
    distances = judge(PICTURE, PHOTO, 1)
    assert (distances.content, distances.style) == pytest.approx((content, sum(style)), rel=1e-4)
    assert judge(PICTURE, PHOTO, 0).style != pytest.approx(distances.style, rel=0.01)
    own = judge(PAINTINGS[0], PAINTINGS[0], 0)
    assert (own.content, own.style) == pytest.approx((0, 0), abs=1e-6)


def test_another_networks_judge_takes_all_layers_for_style_and_one_for_content() -> None:
    def features(image: tf.Tensor) -> list[tf.Tensor]:
        return [image / 255, tf.nn.relu(image[:, ::2, ::2] / 255 - 0.25)]

    def gram(values: np.ndarray) -> np.ndarray:
        return np.einsum("bhwc,bhwd->cd", values, values) / values.size

    def distance(values: np.ndarray, target: np.ndarray) -> float:
        return float(np.mean((values - target) ** 2) / max(np.mean(target**2), 1e-3))

    looks = [
        [layer.numpy() for layer in features(tf.constant(image[None]))]
        for image in (PICTURE, PHOTO, PAINTINGS[1])
    ]
    distances = FeatureJudge(features, 1, PAINTINGS)(PICTURE, PHOTO, 1)
    assert distances.content == pytest.approx(distance(looks[0][1], looks[1][1]), rel=1e-5)
    styles = [distance(gram(mine), gram(its)) for mine, its in zip(looks[0], looks[2], strict=True)]
    assert distances.style == pytest.approx(np.mean(styles), rel=1e-4)
