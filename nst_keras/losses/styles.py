"""The losses of style, by the names of `LossSettings.style_loss`.

A blend of styles is a mean of what is kept of each: of moments, not of what is made of them.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from nst_keras.losses.distances import mean_squared_difference
from nst_keras.losses.moments import Moments, gram_matrix, mean_and_deviation, moments
from nst_keras.losses.wasserstein import wasserstein, wasserstein_of_moments


class StyleLoss(NamedTuple):
    """A loss of style.

    Attributes:
        kept: What a target holds of a style's features.
        distance: From features, such a target and `relative` to a scalar, a mean over the batch.
        between: From what is kept of the features instead; None if that isn't a mean over positions.

    The first two take `weights`, [height, width], by which positions count.
    """

    kept: Callable[..., Any]
    distance: Callable[..., tf.Tensor]
    between: Callable[..., tf.Tensor] | None


def _of_kept(kept: Callable[..., Any], between: Callable[..., tf.Tensor]) -> StyleLoss:
    def distance(
        features: tf.Tensor, target: Any, *, weights: tf.Tensor | None = None, **how: Any
    ) -> tf.Tensor:
        return between(kept(features, weights), target, **how)

    return StyleLoss(kept, distance, between)


def _of_parts(*parts: Callable[[Moments], tf.Tensor]) -> StyleLoss:
    """Mean of the distances between some statistics."""

    def between(own: Moments, target: Moments, *, relative: bool) -> tf.Tensor:
        distances = [mean_squared_difference(part(own), part(target), relative=relative) for part in parts]
        return tf.add_n(distances) / len(parts)

    return _of_kept(moments, between)


STYLE_LOSSES: Mapping[str, StyleLoss] = {
    # Gatys et al. 2016 (CVPR), eq. 4 times 4 / channels^2, which comes of how `gram_matrix` is divided.
    "gram": _of_kept(gram_matrix, mean_squared_difference),
    # Galerne et al. 2024 (arXiv:2212.13459, eq. 5), whose weights are others: a Gram matrix alone takes a
    # flat bright place for one with contrast.
    "gram_mean_std": _of_parts(lambda kept: kept.second, lambda kept: kept.mean, Moments.deviation),
    "covariance": _of_parts(Moments.covariance, lambda kept: kept.mean),
    "wasserstein": StyleLoss(moments, wasserstein, wasserstein_of_moments),
    # Huang & Belongie 2017 (arXiv:1703.06868).
    "mean_std": _of_kept(mean_and_deviation, mean_squared_difference)._replace(between=None),
}
