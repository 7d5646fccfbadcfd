"""What the loss of a picture is made of: weights, layers, and how the network looks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nst_keras.errors import InputError
from nst_keras.fields import Settings, choice, number, setting, weights_by_name
from nst_keras.models.vgg19_layout import EDGES, LAYER_NAMES, POOLINGS

CONTENT, STYLE, PICTURE = "content", "style", ""
STYLE_LOSSES = ("gram", "gram_mean_std", "covariance", "wasserstein", "mean_std")


@dataclass(frozen=True)
class LossWeights(Settings):
    """A weight for each of `losses.terms`; a term whose weight is 0 isn't computed.

    `of` is the image that the term compares with, or PICTURE if with none.
    """

    content_weight: float = number(8.0, "Weight of the content loss.", of=CONTENT)
    style_weight: float = number(100.0, "Weight of the style loss.", of=STYLE)
    tv_weight: float = number(2e-4, "Weight of the total variation loss, which smooths.", of=PICTURE)
    color_tv_weight: float = number(
        0.0,
        "Weight of the total variation of colour without brightness, which takes away coloured speckle.",
        of=PICTURE,
        before=0.0,
    )

    def weights(self) -> dict[str, Any]:
        """The weights alone, of settings that have more than them."""
        return self.narrowed(LossWeights).to_dict()


@dataclass(frozen=True)
class LossSettings(LossWeights):
    """A whole loss: the sum over terms, and over a term's layers, of weight * layer's weight * loss.

    Losses are means, so that a weight means the same at every size of a picture.
    """

    content_layers: Mapping[str, float] = weights_by_name(
        {"relu4_2": 1.0}, "Layers that content is compared on", LAYER_NAMES
    )
    style_layers: Mapping[str, float] = weights_by_name(
        {f"relu{block}_1": 0.2 for block in range(1, 6)}, "Layers that style is compared on", LAYER_NAMES
    )
    style_loss: str = choice(
        "gram", "What of the features is compared with the style's", STYLE_LOSSES, before="gram"
    )
    relative_losses: bool = setting(
        True,
        "Divide each layer's loss by the mean square of its target, so that layers, styles and contents "
        "count alike; without it, losses are as Gatys et al. weigh them.",
    )
    pooling: str = choice("max", "Pooling of the network", POOLINGS)
    edges: str = choice("replicate", "What the network sees beyond the border", EDGES)
    tile_size: int = number(
        0,
        "Side of the tiles in which the network looks at larger pictures, in pixels; 0: if memory is short.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.layers():
            raise InputError("content_weight and style_weight must not both be 0, nor those of all layers.")

    def weighted_layers(self, weight: str) -> dict[str, float]:
        """Layers on which the term with a weight counts, with its weight in the total on each.

        A term that compares with nothing has one layer, PICTURE.
        """
        of = image_of(weight)
        layers = getattr(self, f"{of}_layers") if of else {PICTURE: 1.0}
        values = {layer: getattr(self, weight) * value for layer, value in layers.items()}
        return {layer: value for layer, value in values.items() if value > 0}

    def layers(self, *images: str) -> list[str]:
        """Layers that any term needs, or those that compare with one of some images do."""
        weights = [name for name in self.weights() if image_of(name) in (images or (CONTENT, STYLE))]
        return list(dict.fromkeys(layer for name in weights for layer in self.weighted_layers(name)))


def image_of(weight: str) -> str:
    """The image that the term with a weight compares with: CONTENT, STYLE, or PICTURE for none."""
    of: str = LossWeights.__dataclass_fields__[weight].metadata["of"]
    return of
