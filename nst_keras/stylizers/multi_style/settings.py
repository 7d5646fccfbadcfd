"""How a feed-forward stylizer is trained; importing this loads no TensorFlow."""

from dataclasses import dataclass

from nst_keras.fields import BELOW_ONE, POSITIVE, number, with_default
from nst_keras.losses.settings import LossWeights
from nst_keras.stylizers.training.settings import AveragedSettings


@dataclass(frozen=True)
class StylizerSettings(LossWeights, AveragedSettings):
    """What makes a stylizer, besides paintings and photos.

    The loss is that of the optimiser (`LossSettings`): the same layers, the same relative losses. Adam with
    a learning rate that falls to 0 by a cosine; what belongs to a style, and is trained with its pictures
    alone, has `style_rate` times that.
    """

    width: float = number(1.0, "Factor on the network's numbers of filters, 16, 48, 80.", POSITIVE)
    style_size: int = number(512, "Longest side of the paintings, in pixels; decides how large strokes are.")
    content_weight: float = with_default(LossWeights, "content_weight", 20.0)
    tv_weight: float = with_default(LossWeights, "tv_weight", 2e-3)
    learning_rate: float = number(2e-3, "Highest learning rate of the kernels.", POSITIVE)
    style_rate: float = number(
        5.0, "Factor on learning_rate for the styles' scales, offsets and gains.", POSITIVE
    )
    warmup: float = number(0.02, "Share of the steps in which the rate rises.", BELOW_ONE)
