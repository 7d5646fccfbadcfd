"""How the decoder of an arbitrary-style network is trained; importing this loads no TensorFlow."""

from dataclasses import dataclass

from nst_keras.fields import BELOW_ONE, FROM_ONE, POSITIVE, number
from nst_keras.stylizers.training.settings import AveragedSettings


@dataclass(frozen=True)
class ArbitraryStyleSettings(AveragedSettings):
    """What makes a decoder, besides paintings and photos.

    Huang & Belongie 2017 (arXiv:1703.06868): Adam at 1e-4 with a slow decay, style ten times content. Here
    both losses are relative, so their weights aren't quite the paper's.

    Raises:
        InputError: If a value is out of range, with the field's name.
    """

    width: float = number(1.0, "Factor on the decoder's numbers of filters.", POSITIVE)
    num_steps: int = number(20_000, "Steps.", FROM_ONE)
    style_size: int = number(
        512,
        "Longest side of the paintings, in training and when one paints; smaller ones stay small.",
        FROM_ONE,
    )
    content_weight: float = number(1.0, "Weight of the content loss.")
    style_weight: float = number(10.0, "Weight of the style loss.")
    learning_rate: float = number(1e-4, "Learning rate at the start.", POSITIVE)
    decay: float = number(5e-5, "After 1 / decay steps the learning rate is half of that.", BELOW_ONE)
