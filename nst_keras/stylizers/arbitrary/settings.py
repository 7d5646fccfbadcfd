"""How the decoder of an arbitrary-style network is trained; importing this loads no TensorFlow."""

from dataclasses import dataclass

from nst_keras.fields import BELOW_ONE, FROM_ONE, POSITIVE, number, with_default
from nst_keras.losses.settings import LossWeights
from nst_keras.stylizers.training.settings import AveragedSettings


@dataclass(frozen=True)
class ArbitraryStyleSettings(LossWeights, AveragedSettings):
    """What makes a decoder, besides paintings and photos.

    Huang & Belongie 2017 (arXiv:1703.06868): Adam at 1e-4 with a slow decay, style ten times content. Here
    both losses are relative, so their weights aren't quite the paper's.
    """

    width: float = number(1.0, "Factor on the decoder's numbers of filters.", POSITIVE)
    num_steps: int = with_default(AveragedSettings, "num_steps", 20_000)
    style_size: int = number(
        512,
        "Longest side of the paintings, in training and when one paints; smaller ones stay small.",
        FROM_ONE,
    )
    content_weight: float = with_default(LossWeights, "content_weight", 1.0)
    style_weight: float = with_default(LossWeights, "style_weight", 10.0)
    tv_weight: float = with_default(LossWeights, "tv_weight", 0.0)
    learning_rate: float = number(1e-4, "Learning rate at the start.", POSITIVE)
    decay: float = number(5e-5, "After 1 / decay steps the learning rate is half of that.", BELOW_ONE)
