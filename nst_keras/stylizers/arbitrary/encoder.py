"""Which weights of VGG-19 a stylizer of any painting looks with; loads no TensorFlow."""

from collections.abc import Callable

from nst_keras.console.console import say
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.weights.vgg19 import QUANTIZED, load_vgg19, vgg19_digest


def encoder_digest(trained_with: str) -> str:
    """The digest of what `load_encoder` gives."""
    return vgg19_digest(_spec(trained_with))


def load_encoder(trained_with: str, note: Callable[[str], None] = say) -> VGG19Weights:
    """Returns the weights of VGG-19 with the digest of those of the training, or those that there are.

    The published network in 32 and in 8 bits gives nearly the same pictures; `note` is told of another one.
    """
    weights = load_vgg19(_spec(trained_with), note=note)
    if weights.digest != trained_with:
        note(
            f"note: the stylizer was trained with other weights of VGG-19, {trained_with}; "
            f"painting with {weights.digest}, {weights.source}"
        )
    return weights


def _spec(trained_with: str) -> str:
    return QUANTIZED if trained_with == vgg19_digest(QUANTIZED) else ""
