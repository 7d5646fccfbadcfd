"""Settings of an optimisation-based style transfer, and the presets: the one home of each default."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nst_keras.errors import InputError
from nst_keras.fields import (
    BELOW_ONE,
    FROM_ONE,
    POSITIVE,
    Bounds,
    check_fields,
    choice,
    number,
    require_number,
    setting,
)
from nst_keras.models.vgg19_layout import EDGES, POOLINGS, require_layers

OPTIMIZERS = ("lbfgs", "adam", "sgd")
INITS = ("content", "noise", "style_color")


def _layers(default: Mapping[str, float], text: str) -> Any:
    return field(default_factory=lambda: dict(default), metadata={"help": text})


@dataclass(frozen=True)
class StyleTransferSettings:
    """What makes the picture, besides the pictures that go in.

    The defaults are the preset `default`; each field's meaning and range stand in its metadata, from which
    checks and the command line's help are made. The loss is

        content_weight * sum_l w_l * content_loss_l + style_weight * sum_l w_l * style_loss_l
        + tv_weight * total_variation

    with the losses of `nst_keras.losses`, whose means make a weight the same at every size.

    Raises:
        InputError: If a value is out of range or a layer isn't known, with the field's name.
    """

    size: int = number(512, "Longest side of the generated image, in pixels.", FROM_ONE)
    content_layers: Mapping[str, float] = _layers(
        {"relu4_2": 1.0}, "Layers that content is compared on, as name or name:weight, by commas."
    )
    content_weight: float = number(8.0, "Weight of the content loss.")
    style_layers: Mapping[str, float] = _layers(
        {f"relu{block}_1": 0.2 for block in range(1, 6)},
        "Layers that style is compared on, as name or name:weight, by commas.",
    )
    style_weight: float = number(100.0, "Weight of the style loss.")
    tv_weight: float = number(2e-4, "Weight of the total variation loss, which smooths.")
    relative_losses: bool = setting(
        True,
        "Divide each layer's loss by the mean square of its target, so that layers, styles and contents "
        "count alike; without it, losses are as Gatys et al. weigh them.",
    )
    style_scale: float = number(
        1.0,
        "Longest side of the style images relative to the generated image's; larger brush strokes above 1.",
        POSITIVE,
    )
    pooling: str = choice("max", "Pooling of the network", POOLINGS)
    edges: str = choice("replicate", "What the network sees beyond the border", EDGES)
    init: str = setting("content", f"Where to start: {', '.join(INITS)}, or the path of a picture.")
    noise_ratio: float = number(
        0.256, "Standard deviation of the start's noise with --init=noise, on the 0..255 scale."
    )
    optimizer: str = choice("lbfgs", "Optimiser", OPTIMIZERS)
    num_steps: int = number(150, "Steps at the full size.", FROM_ONE)
    coarse_steps: int = number(100, "Steps at each coarser size before it; 0 starts at full size.")
    coarsest_size: int = number(
        128, "Least longest side of the first picture; sizes double from there to the full one.", FROM_ONE
    )
    learning_rate: float = number(10.0, "Step size of adam and sgd, on the 0..255 scale.", POSITIVE)
    beta_1: float = number(0.9, "Adam's decay of the mean gradient.", BELOW_ONE)
    beta_2: float = number(0.999, "Adam's decay of the mean squared gradient.", BELOW_ONE)
    epsilon: float = number(1e-8, "Adam's guard against division by zero.", POSITIVE)
    momentum: float = number(0.0, "Momentum of sgd.", BELOW_ONE)
    history_size: int = number(20, "Past steps that lbfgs keeps.", FROM_ONE)
    preserve_color: bool = setting(False, "Keep the content image's colours: only brightness is painted.")
    save_every: int = number(0, "Steps between pictures kept on the way, beside the output; 0 for none.")
    seed: int = number(0, "Seed of the noise; the same seed gives the same picture.")

    def __post_init__(self) -> None:
        """Checks every value."""
        check_fields(self)
        for name in ("content_layers", "style_layers"):
            layers = getattr(self, name)
            if not isinstance(layers, Mapping):
                raise InputError(f"{name} must map layers to weights. Received: {name}={layers}")
            require_layers(layers, name)
            for layer, weight in layers.items():
                require_number(f"{name}[{layer}]", weight, Bounds(), whole=False)
        if not (self.content_terms() or self.style_terms()):
            raise InputError("content_weight and style_weight must not both be 0, nor those of all layers.")

    def content_terms(self) -> dict[str, float]:
        """Layers of the content loss with their weights in the total; those without weight are left out."""
        return _weighted(self.content_layers, self.content_weight)

    def style_terms(self) -> dict[str, float]:
        """The same for the style loss."""
        return _weighted(self.style_layers, self.style_weight)

    def scales(self) -> list[int]:
        """Longest sides, coarse to fine; the last is `size`."""
        sizes = [self.size]
        while self.coarse_steps and sizes[0] / 2 >= self.coarsest_size:
            sizes.insert(0, round(sizes[0] / 2))
        return sizes

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dataclasses.asdict(self)


def _weighted(layers: Mapping[str, float], weight: float) -> dict[str, float]:
    return {name: weight * value for name, value in layers.items() if weight * value > 0}


def require_blend(weights: Sequence[float], num_styles: int) -> None:
    """Checks the weights of blended styles.

    Raises:
        InputError: If there isn't one for each style, or one isn't finite or negative, or all are 0.
    """
    if num_styles < 1 or len(weights) != num_styles:
        raise InputError(
            "style_weights must have one weight for each style image. Received: "
            f"{len(weights)} weights for {num_styles} style images"
        )
    if not all(weight in Bounds() for weight in weights) or not any(weights):
        raise InputError(
            f"style_weights must be finite, at least 0 and not all 0. Received: style_weights={list(weights)}"
        )


def parse_layers(text: str, name: str) -> dict[str, float]:
    """Reads the value of the field `name`, `layer,layer:weight,...`; a layer without a weight gets 1.

    Raises:
        InputError: If a weight isn't a number.
    """
    layers: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        layer, colon, weight = part.partition(":")
        try:
            layers[layer] = float(weight) if colon else 1.0
        except ValueError as error:
            raise InputError(f"{name} must be given as layer or layer:weight. Received: {part}") from error
    return layers


def format_setting(settings: StyleTransferSettings, name: str) -> str:
    """A field's value as one would type it for its flag."""
    value = getattr(settings, name)
    if isinstance(value, Mapping):
        return ",".join(f"{layer}:{weight:g}" for layer, weight in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)
