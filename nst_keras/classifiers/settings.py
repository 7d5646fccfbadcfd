"""How a classifier is trained; importing this loads no TensorFlow."""

import math
import re
from dataclasses import dataclass
from typing import Any

from nst_keras.classifiers.registry import CLASSIFIERS
from nst_keras.errors import require_choice
from nst_keras.fields import (
    BELOW_ONE,
    FROM_ONE,
    POSITIVE,
    Bounds,
    Settings,
    choice,
    number,
    precision_choice,
    setting,
)

OPTIMIZERS = ("sgd", "adamw")


@dataclass(frozen=True)
class StepSettings(Settings):
    """How a classifier's steps are taken, whatever the classifier is.

    The learning rate rises linearly from 0 to `learning_rate` over the share `warmup` of all steps and
    falls to 0 along half a cosine (Loshchilov & Hutter 2016). Weight decay is decoupled from the
    gradient (Loshchilov & Hutter 2017) and spares biases and normalisation.
    """

    batch_size: int = number(128, "Pictures a step, over all workers.", FROM_ONE)
    optimizer: str = choice("adamw", "Optimiser", OPTIMIZERS)
    learning_rate: float = number(2e-3, "Highest learning rate; eta of the perceptron and ADALINE.", POSITIVE)
    warmup: float = number(0.1, "Share of all steps in which the learning rate rises.", BELOW_ONE)
    weight_decay: float = number(1e-2, "Decay of weights, times the learning rate, a step.")
    momentum: float = number(0.9, "Nesterov momentum of sgd.", BELOW_ONE)
    label_smoothing: float = number(0.0, "Share of probability spread over all classes.", BELOW_ONE)
    shift: float = number(0.0, "Augmentation: largest shift along each axis, as a share.", BELOW_ONE)
    flip: bool = setting(False, "Augmentation: mirror left to right, one picture in two.")
    erase: float = number(0.0, "Augmentation: side of the erased square, as a share of all.", BELOW_ONE)
    ema: float = number(0.0, "Decay of the average of weights that is evaluated; 0: none.", BELOW_ONE)
    patience: int = number(0, "End after so many epochs without a better validation accuracy; 0: never.")
    seed: int = number(0, "Seed of weights, order and augmentation.", Bounds(0, 2**31))


@dataclass(frozen=True)
class ClassificationSettings(StepSettings):
    """What makes a trained classifier, besides its data.

    The perceptron and ADALINE have update rules of their own: optimiser, course of the learning rate (it is
    their constant eta), average and precision don't concern them.
    """

    model: str = choice("small_cnn", "What to train", tuple(CLASSIFIERS))
    epochs: int = number(15, "Passes over the training pictures.", FROM_ONE)
    min_steps: int = number(600, "Least steps without --epochs: a small set gets more passes.")
    precision: str = precision_choice()

    def num_epochs(self, steps_per_epoch: int) -> int:
        """Passes over a training set of so many steps."""
        return max(self.epochs, math.ceil(self.min_steps / steps_per_epoch))


# Sets whose pictures are letters or digits, which mean something else in a mirror.
_NOT_MIRRORED = (
    "binarized_mnist",
    "cmaterdb",
    "digits",
    "emnist",
    "kmnist",
    "mnist",
    "mnist_corrupted",
    "omniglot",
    "svhn_cropped",
)


def may_be_mirrored(dataset: str) -> bool:
    """Whether pictures of a set mean the same in a mirror, as far as its name tells."""
    return re.split("[:/]", dataset)[0] not in _NOT_MIRRORED


def recipe(model: str, dataset: str = "", **changes: Any) -> ClassificationSettings:
    """The settings that suit a model, with changes.

    Pictures of letters and digits are never mirrored unless asked for; `epochs` among the changes means just
    so many.
    """
    require_choice("model", model, CLASSIFIERS)
    mirrored = {} if may_be_mirrored(dataset) else {"flip": False}
    exact = {"min_steps": 0} if "epochs" in changes else {}
    return ClassificationSettings(
        **{"model": model, **CLASSIFIERS[model].recipe, **mirrored, **exact, **changes}
    )
