"""Settings of an optimisation-based style transfer, and the presets: the one home of each default."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nst_keras.errors import InputError
from nst_keras.fields import BELOW_ONE, FROM_ONE, POSITIVE, choice, number, setting
from nst_keras.losses.settings import LossSettings
from nst_keras.models.vgg19_layout import require_layers

OPTIMIZERS = ("lbfgs", "adam", "sgd")
INITS = ("content", "noise", "style_color")


@dataclass(frozen=True)
class _Size:
    """Comes before the loss in help and records."""

    size: int = number(512, "Longest side of the generated image, in pixels.", FROM_ONE)


@dataclass(frozen=True)
class StyleTransferSettings(LossSettings, _Size):
    """What makes the picture, besides the pictures that go in.

    The defaults are the preset `default`; each field's meaning and range stand in its metadata, from which
    checks and the command line's help are made.

    Raises:
        InputError: If a value is out of range or a layer isn't known, with the field's name.
    """

    style_scale: float = number(
        1.0,
        "Longest side of the style images relative to the generated image's; larger brush strokes above 1.",
        POSITIVE,
    )
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
        super().__post_init__()
        for name in ("content_layers", "style_layers"):
            require_layers(getattr(self, name), name)

    def scales(self) -> list[int]:
        """Longest sides, coarse to fine; the last is `size`."""
        sizes = [self.size]
        while self.coarse_steps and sizes[0] / 2 >= self.coarsest_size:
            sizes.insert(0, round(sizes[0] / 2))
        return sizes

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dataclasses.asdict(self)


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
