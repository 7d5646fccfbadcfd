"""Tiny pictures for style transfers."""

import numpy as np
import pytest

from nst_keras.transfer.descent import Pictures


@pytest.fixture
def pictures() -> Pictures:
    """A content image of 40x60 and a style image of another shape."""
    rng = np.random.default_rng(1)
    content = np.linspace(0, 255, 40 * 60 * 3).reshape(40, 60, 3).astype(np.float32)
    style = rng.uniform(0, 255, (50, 30, 3)).astype(np.float32)
    return Pictures(content, [style], [1.0])
