"""How a feed-forward stylizer is trained; importing this loads no TensorFlow."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from nst_keras.training.fields import (
    BELOW_ONE,
    FROM_ONE,
    POSITIVE,
    Bounds,
    check_fields,
    number,
    setting,
)


@dataclass(frozen=True)
class StylizerSettings:
    """What makes a stylizer, besides paintings and photos.

    The loss is that of the optimiser (`StyleTransferSettings`): the same layers, the same relative losses,
    the same weights, unless they are changed here. Adam with a learning rate that falls to 0 by a cosine.

    Raises:
        InputError: If a value is out of range, with the field's name.
    """

    width: float = number(0.5, "Factor on the network's numbers of filters, 32, 64, 128.", POSITIVE)
    num_steps: int = number(4000, "Steps.", FROM_ONE)
    batch_size: int = number(4, "Photos a step.", FROM_ONE)
    crop_size: int = number(192, "Height and width of the training pictures, in pixels.", Bounds(64))
    largest_scale: float = number(
        1.0,
        "Photos are shown at sizes from the one at which the crop just fits in up to this factor.",
        Bounds(0, 16, open_low=True),
    )
    style_size: int = number(512, "Longest side of the paintings, in pixels; decides how large strokes are.")
    content_weight: float = number(8.0, "Weight of the content loss.")
    style_weight: float = number(100.0, "Weight of the style loss.")
    tv_weight: float = number(2e-4, "Weight of the total variation loss.")
    learning_rate: float = number(2e-3, "Highest learning rate.", POSITIVE)
    warmup: float = number(0.02, "Share of the steps in which the rate rises.", BELOW_ONE)
    ema: float = number(0.998, "Decay of the average of the weights, which is what is kept.", BELOW_ONE)
    seed: int = number(0, "Seed of weights, order, crops and styles.", Bounds(0, 2**31))
    flip: bool = setting(True, "Augmentation: mirrored photos too.")

    def __post_init__(self) -> None:
        """Checks every value."""
        check_fields(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dataclasses.asdict(self)
