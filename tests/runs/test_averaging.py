"""The average of weights, against numbers by hand."""

import keras
import numpy as np
import pytest

from nst_keras.runs.averaging import update_average


@pytest.mark.parametrize(("steps", "decay"), [(1, 2 / 11), (1000, 0.9)])
def test_the_first_steps_are_soon_forgotten(steps: int, decay: float) -> None:
    average, variable = keras.Variable([1.0, 2.0]), keras.Variable([3.0, -2.0])
    update_average([(average, variable)], 0.9, steps)
    expected = decay * np.array([1.0, 2.0]) + (1 - decay) * np.array([3.0, -2.0])
    np.testing.assert_allclose(average.numpy(), expected, rtol=1e-6)
