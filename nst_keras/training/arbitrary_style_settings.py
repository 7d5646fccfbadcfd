"""How the decoder of an arbitrary-style network is trained; importing this loads no TensorFlow."""

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
class ArbitraryStyleSettings:
    """What makes a decoder, besides paintings and photos.

    Huang & Belongie 2017 (arXiv:1703.06868): Adam at 1e-4 with a slow decay, style ten times content. Here
    both losses are relative, so their weights aren't quite the paper's.

    Raises:
        InputError: If a value is out of range, with the field's name.
    """

    width: float = number(1.0, "Factor on the decoder's numbers of filters.", POSITIVE)
    num_steps: int = number(20_000, "Steps.", FROM_ONE)
    batch_size: int = number(4, "Photos a step, each with a painting.", FROM_ONE)
    crop_size: int = number(192, "Height and width of the training pictures, in pixels.", Bounds(64))
    largest_scale: float = number(
        1.0,
        "Pictures are shown at sizes from the one at which the crop just fits in up to this factor.",
        Bounds(0, 16, open_low=True),
    )
    style_size: int = number(
        512,
        "Longest side of the paintings, in training and when one paints; smaller ones stay small.",
        FROM_ONE,
    )
    content_weight: float = number(1.0, "Weight of the content loss.")
    style_weight: float = number(10.0, "Weight of the style loss.")
    learning_rate: float = number(1e-4, "Learning rate at the start.", POSITIVE)
    decay: float = number(5e-5, "After 1 / decay steps the learning rate is half of that.", BELOW_ONE)
    ema: float = number(0.998, "Decay of the average of the weights, which is what is kept.", BELOW_ONE)
    seed: int = number(0, "Seed of weights, order and crops.", Bounds(0, 2**31))
    flip: bool = setting(True, "Augmentation: mirrored pictures too.")

    def __post_init__(self) -> None:
        """Checks every value."""
        check_fields(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dataclasses.asdict(self)
