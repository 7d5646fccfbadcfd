"""Nearest neighbours, as a search one by one finds them."""

import numpy as np
import pytest
import tensorflow as tf

from nst_keras.ops import nearest
from nst_keras.ops.nearest import centered_unit_rows, nearest_rows, unit_rows


@pytest.mark.parametrize("similarities", [1, 300, 2**24])  # a query at a time, some, and all at once
def test_nearest_by_centred_cosine(similarities: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "_SIMILARITIES", similarities)
    matmul, sizes = tf.matmul, []

    def measured(*pair: tf.Tensor, **how: bool) -> tf.Tensor:
        products = matmul(*pair, **how)
        sizes.append(products.shape.num_elements())
        return products

    monkeypatch.setattr(tf, "matmul", measured)
    rng = np.random.default_rng(0)
    queries, keys = (rng.uniform(0, 1, (count, 8)).astype(np.float32) for count in (23, 41))
    found = nearest_rows(*(centered_unit_rows(tf.constant(rows)) for rows in (queries, keys)))
    apart_queries, apart_keys = queries - queries.mean(0), keys - keys.mean(0)

    def cosine(one: np.ndarray, other: np.ndarray) -> float:
        return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))

    expected = [max(range(41), key=lambda n: cosine(row, apart_keys[n])) for row in apart_queries]
    assert found.numpy().tolist() == expected
    assert max(sizes) <= max(similarities, 41) and sum(sizes) == 23 * 41


def test_rows_of_zeros_stay_finite() -> None:
    rows = tf.Variable([[3.0, 4.0], [0.0, 0.0]])
    with tf.GradientTape() as tape:
        units = unit_rows(rows)
    np.testing.assert_allclose(units, [[0.6, 0.8], [0, 0]], atol=1e-6)
    assert np.isfinite(tape.gradient(units, rows)).all()
