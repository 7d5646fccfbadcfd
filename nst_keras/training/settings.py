"""Settings of an optimisation-based style transfer, and the presets: the one home of each default."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nst_keras.errors import InputError, require_choice
from nst_keras.models.vgg19_layout import EDGES, POOLINGS, require_layers

OPTIMIZERS = ("lbfgs", "adam", "sgd")
INITS = ("content", "noise", "style_color")

# Channels of the layers that style is usually read from.
_STYLE_CHANNELS = {"relu1_1": 64, "relu2_1": 128, "relu3_1": 256, "relu4_1": 512, "relu5_1": 512}


def _setting(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


def _layers(default: Mapping[str, float], text: str) -> Any:
    return field(default_factory=lambda: dict(default), metadata={"help": text})


@dataclass(frozen=True)
class StyleTransferSettings:
    """What makes the picture, besides the pictures that go in.

    The defaults are the preset `default`; each field's meaning stands in its metadata, from which
    the command line's help is made. The loss is

        content_weight * sum_l w_l * content_loss_l + style_weight * sum_l w_l * style_loss_l
        + tv_weight * total_variation

    with the losses of `nst_keras.losses`, whose means make a weight the same at every size.
    """

    size: int = _setting(512, "Longest side of the generated image, in pixels.")
    content_layers: Mapping[str, float] = _layers(
        {"relu4_2": 1.0}, "Layers that content is compared on, as name or name:weight, by commas."
    )
    content_weight: float = _setting(8.0, "Weight of the content loss.")
    style_layers: Mapping[str, float] = _layers(
        dict.fromkeys(_STYLE_CHANNELS, 0.2),
        "Layers that style is compared on, as name or name:weight, by commas.",
    )
    style_weight: float = _setting(100.0, "Weight of the style loss.")
    tv_weight: float = _setting(2e-4, "Weight of the total variation loss, which smooths.")
    relative_losses: bool = _setting(
        True,
        "Divide each layer's loss by the mean square of its target, so that layers, styles and "
        "contents count alike; without it, losses are as Gatys et al. weigh them.",
    )
    style_scale: float = _setting(
        1.0,
        "Longest side of the style images relative to the generated image's; larger brush strokes above 1.",
    )
    pooling: str = _setting("max", f"Pooling of the network: {' or '.join(POOLINGS)}.")
    edges: str = _setting("replicate", f"What the network sees beyond the border: {' or '.join(EDGES)}.")
    init: str = _setting("content", f"Where to start: {', '.join(INITS)}, or the path of a picture.")
    noise_ratio: float = _setting(
        0.256, "Standard deviation of the start's noise with --init=noise, on the 0..255 scale."
    )
    optimizer: str = _setting("lbfgs", f"One of {', '.join(OPTIMIZERS)}.")
    num_steps: int = _setting(150, "Steps at the full size.")
    coarse_steps: int = _setting(100, "Steps at each coarser size before it; 0 starts at full size.")
    coarsest_size: int = _setting(
        128, "Longest side of the first picture; it doubles from there to the full size."
    )
    learning_rate: float = _setting(10.0, "Step size of adam and sgd, on the 0..255 scale.")
    beta_1: float = _setting(0.9, "Adam's decay of the mean gradient.")
    beta_2: float = _setting(0.999, "Adam's decay of the mean squared gradient.")
    epsilon: float = _setting(1e-8, "Adam's guard against division by zero.")
    momentum: float = _setting(0.0, "Momentum of sgd, below 1.")
    history_size: int = _setting(50, "Past steps that lbfgs keeps.")
    preserve_color: bool = _setting(False, "Keep the content image's colours: only brightness is painted.")
    save_every: int = _setting(
        0, "Steps between pictures that are kept on the way, beside the output; 0 for none."
    )
    seed: int = _setting(0, "Seed of the noise; the same seed gives the same picture.")

    def __post_init__(self) -> None:
        """Checks every value.

        Raises:
            InputError: If one is out of range, with its name.
        """
        require_choice("pooling", self.pooling, POOLINGS)
        require_choice("edges", self.edges, EDGES)
        require_choice("optimizer", self.optimizer, OPTIMIZERS)
        for name in ("size", "coarsest_size", "history_size", "num_steps"):
            _require(name, getattr(self, name), low=1)
        for name in (
            "coarse_steps",
            "save_every",
            "seed",
            "content_weight",
            "style_weight",
            "tv_weight",
        ):
            _require(name, getattr(self, name), low=0)
        for name in ("learning_rate", "epsilon", "style_scale"):
            _require(name, getattr(self, name), low=0, open_low=True)
        for name in ("beta_1", "beta_2", "momentum"):
            _require(name, getattr(self, name), low=0, high=1)
        _require("noise_ratio", self.noise_ratio, low=0)
        for name in ("content_layers", "style_layers"):
            require_layers(getattr(self, name))
            for layer, weight in getattr(self, name).items():
                _require(f"{name}[{layer}]", weight, low=0)
        if not (self.content_layers or self.style_layers):
            raise InputError("content_layers and style_layers must not both be empty.")

    def scales(self) -> list[int]:
        """Longest sides, coarse to fine; the last is `size`."""
        sizes = [self.size]
        while self.coarse_steps and sizes[0] / 2 >= self.coarsest_size:
            sizes.insert(0, round(sizes[0] / 2))
        return sizes

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dataclasses.asdict(self)


def _require(name: str, value: float, *, low: float, high: float = math.inf, open_low: bool = False) -> None:
    number = isinstance(value, (int, float)) and math.isfinite(value)
    if number and (value > low or (value == low and not open_low)) and value < high:
        return
    bound = f"above {low}" if open_low else f"at least {low}"
    bound += "" if high == math.inf else f" and below {high}"
    raise InputError(f"{name} must be a finite number, {bound}. Received: {name}={value}")


def parse_layers(text: str) -> dict[str, float]:
    """Reads `name,name:weight,...`; a layer without a weight gets 1.

    Raises:
        InputError: If a weight isn't a number.
    """
    layers: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, colon, weight = part.partition(":")
        try:
            layers[name] = float(weight) if colon else 1.0
        except ValueError as error:
            raise InputError(f"layers must be given as name or name:weight. Received: {part}") from error
    return layers
