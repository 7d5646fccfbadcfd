"""The classifiers by name, for command lines and pipelines; importing this loads no TensorFlow."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nst_keras.errors import require_choice

if TYPE_CHECKING:
    import keras

HEAD_POOLINGS = ("average", "max", "both")  # of a pretrained base's features
RULE_CLASSIFIERS = ("perceptron", "adaline")  # learn by rules of their own
GRADIENT_CLASSIFIERS = ("mlp", "small_cnn", "advanced_cnn")
CLASSIFIERS = RULE_CLASSIFIERS + GRADIENT_CLASSIFIERS


def build_classifier(
    name: str, image_shape: tuple[int, int, int], num_classes: int, *, seed: int = 0, **options: Any
) -> "keras.Model":
    """Builds a classifier from raw pixels 0..255 to logits, with weights drawn by `seed`.

    Args:
        name: One of `CLASSIFIERS`.
        image_shape: (height, width, channels).
        num_classes: Classes; at least 2.
        seed: Of every random number in Keras, Python and NumPy; the same seed gives the same weights.
        **options: For the model's own builder, such as `eta` or `dropout`.

    Raises:
        InputError: If there is no such classifier, or it can't take such pictures.
    """
    require_choice("model", name, CLASSIFIERS)
    import keras

    from nst_keras.models.adaline import Adaline
    from nst_keras.models.cnn import advanced_cnn, small_cnn
    from nst_keras.models.mlp import mlp
    from nst_keras.models.perceptron import Perceptron

    keras.utils.set_random_seed(seed)
    if name in RULE_CLASSIFIERS:
        build = Perceptron if name == "perceptron" else Adaline
        model = build(num_classes, **options)
        model.build((None, *image_shape))
        return model
    builders: dict[str, Callable[..., keras.Model]] = {
        "mlp": mlp,
        "small_cnn": small_cnn,
        "advanced_cnn": advanced_cnn,
    }
    return builders[name](image_shape, num_classes, **options)
