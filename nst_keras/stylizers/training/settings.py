"""How stylizers of all architectures are trained; importing this loads no TensorFlow."""

from dataclasses import dataclass

from nst_keras.fields import (
    BELOW_ONE,
    FROM_ONE,
    POSITIVE,
    Bounds,
    Settings,
    number,
    precision_choice,
    setting,
)
from nst_keras.models.vgg19_layout import NETWORKS
from nst_keras.runs.plan import RunPlan


@dataclass(frozen=True)
class AveragedSettings(Settings):
    """What the training of a stylizer is given, whatever the stylizer is; each kind has own defaults."""

    batch_size: int = number(4, "Photos a step.", FROM_ONE)
    crop_size: int = number(192, "Height and width of the training pictures, in pixels.", Bounds(64))
    largest_scale: float = number(
        1.0,
        "Pictures are shown at sizes from the one at which the crop just fits in up to this factor.",
        Bounds(0, 16, open_low=True),
    )
    ema: float = number(0.998, "Decay of the average of the weights, which is what is kept.", BELOW_ONE)
    precision: str = precision_choice()
    seed: int = number(0, "Seed of weights, order, crops and styles.", Bounds(0, 2**31))
    flip: bool = setting(True, "Augmentation: mirrored pictures too.")
    width: float = number(1.0, "Factor on the network's numbers of filters.", POSITIVE)
    num_steps: int = number(4000, "Steps.", FROM_ONE)
    style_size: int = number(512, "Longest side of the paintings, in pixels.", FROM_ONE)
    learning_rate: float = number(1e-3, "Learning rate.", POSITIVE)


@dataclass(frozen=True)
class StylizerRun(RunPlan):
    """What a training begins with, where it writes to, and what it leaves."""

    output_dir: str = setting("runs/stylizer", "Folder for the stylizer and what it leaves on the way.")
    init: str = setting(
        "",
        "Stylizer of the same architecture and width to begin with. Named styles that it has stay as they "
        "are: only new ones' rows are trained.",
    )
    vgg: str = setting("", "Weights of the loss network, as --vgg of nst-stylize.", NETWORKS)
    preview_every: int = number(250, "Steps between previews; 0: only at the end.")
    log_every: int = number(25, "Steps between rows of log.csv.", FROM_ONE)
    checkpoint_seconds: int = number(120, "Time between checkpoints.", FROM_ONE)
