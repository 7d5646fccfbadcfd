"""Settings of an optimisation-based style transfer: the one home of each default."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from nst_keras.errors import InputError
from nst_keras.fields import (
    BELOW_ONE,
    FROM_ONE,
    POSITIVE,
    SHARE,
    Bounds,
    Settings,
    choice,
    field_types,
    format_value,
    number,
    setting,
    with_default,
)
from nst_keras.losses.settings import LossSettings
from nst_keras.models.vgg19_layout import require_layers
from nst_keras.pictures.settings import FinishSettings

METHODS = STATISTICS, NN = ("statistics", "nn")
OPTIMIZERS = ("lbfgs", "adam", "sgd")
INITS = ("content", "noise", "style_color", "fast")
_ABOVE_ONE = Bounds(1.01)
# Settings that a method does without.
_WITHOUT = {
    STATISTICS: {"content_share", "turn_style"},
    NN: (field_types(LossSettings).keys() - {"pooling", "edges"})
    | {"init", "noise_ratio", "optimizer", "learning_rate", "beta_1", "beta_2", "epsilon", "momentum", "ema"},
}


@dataclass(frozen=True)
class _First(Settings):
    """Comes before the loss in help and records."""

    size: int = number(512, "Longest side of the generated image, in pixels.", FROM_ONE)
    method: str = choice(
        STATISTICS,
        "What is drawn to the style: statistics of the whole picture, or (nn) each place to the most similar "
        "one in the style, which keeps more of the content's details",
        METHODS,
    )


@dataclass(frozen=True)
class StyleTransferSettings(FinishSettings, LossSettings, _First):
    """What makes the picture, besides the pictures that go in; the defaults are the preset `default`."""

    color_tv_weight: float = with_default(LossSettings, "color_tv_weight", 0.01)
    # A second layer holds on to small things of the photo, such as faces and windows.
    content_layers: Mapping[str, float] = with_default(
        LossSettings, "content_layers", {"relu3_2": 0.5, "relu4_2": 0.5}
    )
    # Without relu5_1, which sees whole things and copies the painting's into the picture
    # (benchmarks/copies.py). On the others this loss has the clearest strokes.
    style_layers: Mapping[str, float] = with_default(
        LossSettings, "style_layers", {f"relu{block}_1": 0.25 for block in range(1, 5)}
    )
    style_loss: str = with_default(LossSettings, "style_loss", "wasserstein")
    style_scale: float = number(
        1.0,
        "Longest side of the style images relative to the generated image's; larger brush strokes above 1.",
        POSITIVE,
    )
    init: str = setting(
        "content",
        f"Where to start: {', '.join(INITS)}, or the path of a picture; fast is what Magenta's network, "
        "fetched at first use, makes of the content.",
        INITS,
    )
    noise_ratio: float = number(
        0.256, "Standard deviation of the start's noise with --init=noise, on the 0..255 scale."
    )
    margin: int = number(
        8,
        "Pixels on each side that are painted, too, the photo mirrored, and cut off: at its border a picture "
        "comes out darker, or otherwise wrong.",
        Bounds(0, 256, closed=True),
        before=0,
    )
    optimizer: str = choice("lbfgs", "Optimiser", OPTIMIZERS)
    num_steps: int = number(75, "Steps at the full size.", FROM_ONE)
    coarse_steps: int = number(75, "Steps at each coarser size before it; 0 starts at full size.")
    first_steps: int = number(0, "Steps at the first of several sizes; 0: as at the other coarse ones.")
    coarsest_size: int = number(
        128, "Least longest side of the first picture; sizes grow from there to the full one.", FROM_ONE
    )
    scale_factor: float = number(2.0, "Each size by the one before.", _ABOVE_ONE)
    learning_rate: float = number(10.0, "Step size of adam and sgd, on the 0..255 scale.", POSITIVE)
    beta_1: float = number(0.9, "Adam's decay of the mean gradient.", BELOW_ONE)
    beta_2: float = number(0.999, "Adam's decay of the mean squared gradient.", BELOW_ONE)
    epsilon: float = number(1e-8, "Adam's guard against division by zero.", POSITIVE)
    momentum: float = number(0.0, "Momentum of sgd.", BELOW_ONE)
    ema: float = number(
        0.0,
        "Decay of the average over adam's and sgd's steps, which is then the picture; above 0, their moments "
        "go on at the next size.",
        BELOW_ONE,
    )
    history_size: int = number(20, "Past steps that lbfgs keeps.", FROM_ONE)
    content_share: float = number(
        0.75, "With method nn, the content's share in the picture whose places look for similar ones.", SHARE
    )
    turn_style: bool = setting(
        False, "With method nn, look for similar places in the style turned by 90, 180 and 270 degrees, too."
    )
    save_every: int = number(0, "Steps between pictures kept on the way, beside the output; 0 for none.")
    seed: int = number(0, "Seed of the noise; the same seed gives the same picture.")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("content_layers", "style_layers"):
            require_layers(getattr(self, name), name)
        for spec in fields(self):
            default = spec.default if spec.default_factory is MISSING else spec.default_factory()
            if spec.name in _WITHOUT[self.method] and getattr(self, spec.name) != default:
                received = f"{spec.name}={format_value(getattr(self, spec.name))}"
                raise InputError(f"{spec.name} has no effect with method={self.method}. Received: {received}")
        if self.ema and self.optimizer == "lbfgs":
            raise InputError(f"ema has no effect with optimizer=lbfgs. Received: ema={self.ema}")

    @classmethod
    def heeded(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Without what has no effect with the method."""
        without = _WITHOUT.get(str(values.get("method", STATISTICS)), ())
        return {name: value for name, value in values.items() if name not in without}

    def scales(self) -> list[int]:
        """Longest sides, coarse to fine; the last is `size`."""
        sizes = [self.size]
        # Sizes are rounded, for which a tenth of a pixel is allowed; one that doesn't shrink is the last.
        while self.coarse_steps and (side := sizes[0] / self.scale_factor) > self.coarsest_size - 0.1:
            if round(side) == sizes[0]:
                break
            sizes.insert(0, round(side))
        return sizes
