"""A shallow, cheap style transfer for tests: real layers, random weights, tiny pictures."""

from dataclasses import replace

import numpy as np
import pytest

from nst_keras.models.vgg19_layout import CONV_SHAPES, VGG19Weights
from nst_keras.training.image_optimization import Pictures
from nst_keras.training.settings import StyleTransferSettings


@pytest.fixture(scope="session")
def random_weights() -> VGG19Weights:
    """He-scaled kernels, which keep activations in a sensible range."""
    rng = np.random.default_rng(0)
    layers = {
        name: (
            (rng.standard_normal(shape) * np.sqrt(2 / (9 * shape[2]))).astype(np.float32),
            np.zeros(shape[-1], np.float32),
        )
        for name, shape in CONV_SHAPES.items()
    }
    return VGG19Weights(layers, (123.0, 116.0, 103.0), "random", "none:0", "none")


@pytest.fixture
def shallow() -> StyleTransferSettings:
    """Two layers, two sizes, a few steps."""
    return replace(
        StyleTransferSettings(),
        size=48,
        coarsest_size=24,
        content_layers={"relu2_1": 1.0},
        style_layers={"relu1_1": 0.5, "relu2_1": 0.5},
        num_steps=4,
        coarse_steps=3,
    )


@pytest.fixture
def pictures() -> Pictures:
    """A content image of 40x60 and a style image of another shape."""
    rng = np.random.default_rng(1)
    content = np.linspace(0, 255, 40 * 60 * 3).reshape(40, 60, 3).astype(np.float32)
    style = rng.uniform(0, 255, (50, 30, 3)).astype(np.float32)
    return Pictures(content, [style], [1.0])
