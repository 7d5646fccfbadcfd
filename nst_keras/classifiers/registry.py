"""The classifiers by name: what builds each, and its recipe; importing this loads no TensorFlow.

A new one is a file in models/, its import and a row here: commands, pipelines and the tests over all follow.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nst_keras.errors import require_choice

if TYPE_CHECKING:
    import keras

    from nst_keras.models.one_vs_rest import OneVsRest


@dataclass(frozen=True)
class Classifier:
    """A kind of classifier.

    Attributes:
        recipe: Training settings that suit it, chosen on a validation split of Fashion-MNIST.
        options: Settings that the network is built by, with what it calls them.
        by_rule: Whether it learns by a rule of its own, in float32 and without gradients.
    """

    recipe: Mapping[str, Any]
    options: Mapping[str, str] = field(default_factory=dict)
    by_rule: bool = False


def networks() -> "Mapping[str, Callable[..., keras.Model]]":
    """What builds each of an image's shape, a number of classes and options, once TensorFlow is loaded."""
    from nst_keras.models.adaline import Adaline
    from nst_keras.models.cnn import advanced_cnn, small_cnn
    from nst_keras.models.mlp import mlp
    from nst_keras.models.perceptron import Perceptron

    units = {"perceptron": _of_units(Perceptron), "adaline": _of_units(Adaline)}
    return {**units, "mlp": mlp, "small_cnn": small_cnn, "advanced_cnn": advanced_cnn}


def _of_units(kind: "type[OneVsRest]") -> "Callable[..., keras.Model]":
    def build(image_shape: tuple[int, int, int], num_classes: int, **options: Any) -> "keras.Model":
        model = kind(num_classes, **options)
        model.build((None, *image_shape))
        return model

    return build


_ETA = {"learning_rate": "eta"}

CLASSIFIERS = {
    "perceptron": Classifier({"epochs": 10, "learning_rate": 1.0}, _ETA, by_rule=True),
    "adaline": Classifier({"epochs": 20, "learning_rate": 0.01}, _ETA, by_rule=True),
    "mlp": Classifier({"epochs": 20, "learning_rate": 1e-3, "weight_decay": 0.05}),
    "small_cnn": Classifier({"epochs": 15, "flip": True, "shift": 0.04, "ema": 0.995}),
    "advanced_cnn": Classifier(
        {
            "epochs": 30,
            "optimizer": "sgd",
            "learning_rate": 0.2,
            "warmup": 0.15,
            "weight_decay": 5e-3,
            "label_smoothing": 0.1,
            "shift": 0.08,
            "flip": True,
            "erase": 0.3,
            "ema": 0.999,
        },
        {"flip": "mirror_average"},
    ),
}
GRADIENT_CLASSIFIERS = tuple(name for name, row in CLASSIFIERS.items() if not row.by_rule)


def build_classifier(
    name: str, image_shape: tuple[int, int, int], num_classes: int, *, seed: int = 0, **options: Any
) -> "keras.Model":
    """Builds a classifier from raw pixels 0..255 to logits.

    Args:
        name: One of `CLASSIFIERS`.
        image_shape: (height, width, channels).
        num_classes: Classes; at least 2.
        seed: Of every random number in Keras, Python and NumPy; the same seed gives the same weights.
        **options: For the model's own builder, such as `eta` or `dropout`.
    """
    require_choice("model", name, CLASSIFIERS)
    import keras

    keras.utils.set_random_seed(seed)
    return networks()[name](image_shape, num_classes, **options)
