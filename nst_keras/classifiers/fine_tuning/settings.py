"""How a pretrained network is re-trained: settings; importing this loads no TensorFlow."""

from dataclasses import dataclass

from nst_keras.classifiers.settings import StepSettings
from nst_keras.errors import InputError
from nst_keras.fields import BELOW_ONE, FROM_ONE, POSITIVE, SHARE, Bounds, Settings, choice, number, setting
from nst_keras.models.vgg19_layout import LAYER_NAMES

BASES = ("vgg19", "EfficientNetB0", "MobileNetV2", "ResNet50V2")  # some that fit; layer names are the first's
HEAD_POOLINGS = ("average", "max", "both")  # of the base's features
DEFAULT_IMAGE_SIZE = 160  # height and width that the base sees, in pixels


@dataclass(frozen=True)
class FineTuningSettings(Settings):
    """What makes a re-trained classifier, besides its data.

    First the head is trained on the base's features, which are computed once: a linear one by logistic
    regression, whose weight decay the validation pictures choose. Then, with `epochs` above 0, the base is
    trained too from the layer `unfreeze` on, by gradient descent with momentum whose learning rate falls by
    `layer_decay` from layer to layer towards the input (Howard & Ruder 2018).
    """

    base: str = setting("vgg19", "Pretrained network: vgg19, or one of keras.applications.", BASES)
    base_weights: str = setting("", "vgg19: as --vgg of nst-stylize; others: the path of a weight file.")
    base_layer: str = setting(
        "", "Layer that the base ends with; empty: its last before the classifier.", LAYER_NAMES
    )
    pooling: str = choice("both", "Pooling of the base's map", HEAD_POOLINGS)
    hidden: int = number(0, "Units of a dense layer between features and classes; 0: none, a linear head.")
    dropout: float = number(0.5, "Share of features left out in training.", BELOW_ONE)
    head_epochs: int = number(200, "Most passes of a head with a hidden layer over the features.", FROM_ONE)
    head_learning_rate: float = number(1e-3, "Learning rate of such a head.", POSITIVE)
    weight_decay: float = number(0.1, "Decay of such a head's weights, times the learning rate, a step.")
    class_weights: bool = setting(True, "Let rare classes count more, so that all count alike.")
    unfreeze: str = setting(
        "conv5_1", "Layer from which on the base is trained in the second phase.", LAYER_NAMES
    )
    epochs: int = number(3, "Passes of the second phase; 0: none.")
    learning_rate: float = number(1e-3, "Highest learning rate of the second phase, for the head.", POSITIVE)
    layer_decay: float = number(0.7, "Factor on it from layer to layer towards the input.", SHARE)
    warmup: float = number(0.1, "Share of the second phase's steps in which the rate rises.", BELOW_ONE)
    batch_size: int = number(16, "Pictures a step of the second phase.", FROM_ONE)
    flip: bool = setting(True, "Augmentation: mirrored pictures too.")
    shift: float = number(0.08, "Augmentation of the second phase: largest shift, as a share.", BELOW_ONE)
    folds: int = number(0, "Cross-validate the head over so many parts of all pictures; 0: don't.")
    patience: int = number(20, "End such a head's training after so many epochs without gain.", FROM_ONE)
    seed: int = number(0, "Seed of weights, order and augmentation.", Bounds(0, 2**31))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.folds == 1:
            raise InputError("folds must be 0 or at least 2. Received: folds=1")
        if self.epochs and not self.unfreeze:
            raise InputError(
                f"unfreeze must name a layer with epochs above 0. Received: epochs={self.epochs}"
            )

    def second_phase(self) -> StepSettings:
        """How the second phase's steps are taken."""
        same = ("batch_size", "learning_rate", "warmup", "shift", "flip", "seed")
        values = {name: getattr(self, name) for name in same}
        return StepSettings(optimizer="sgd", weight_decay=0.0, **values)
