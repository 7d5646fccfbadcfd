"""Draws networks, convolutions with their numbers, and what a trained network has learned.

  nst-draw --figure=network --layers=3,4,2
  nst-draw --figure=convolution --kernel="-1,1;-1,1" --stride=1
  nst-draw --figure=pooling --size=2
  nst-draw --figure=filters --model=runs/small_cnn-digits/model.keras
  nst-draw --figure=feature_maps --model=runs/small_cnn-digits/model.keras --image=digits:0 --layer=conv2

Rows of numbers are written 0,1,2;3,4,5. A flag that the figure has no use for is an error.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from nst_keras.cli import common, field_flags
from nst_keras.errors import InputError
from nst_keras.fields import FROM_ONE, Settings, choice, number, setting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_USES = {
    "network": ("layers", "layer_names", "bias"),
    "convolution": ("image", "kernel", "stride", "padding", "position"),
    "pooling": ("image", "size", "stride", "position"),
    "filters": ("model", "layer", "channel"),
    "feature_maps": ("model", "layer", "image"),
}


@dataclass(frozen=True)
class DrawSettings(Settings):
    """What is drawn, and of what."""

    figure: str = choice("convolution", "What to draw", tuple(_USES))
    output: str = setting("", "PNG file to write; empty is FIGURE.png.")
    layers: tuple[int, ...] = setting((3, 4, 2), "Neurons of each layer, inputs first.")
    layer_names: tuple[str, ...] | None = setting(None, "A name for each layer, by commas.")
    bias: bool = setting(True, "Draw the units that give the biases.")
    image: str = setting("", "Rows of numbers; for feature_maps a picture, or DATASET:N for a test picture.")
    kernel: str = setting("", "Rows of numbers; empty is a finder of edges.")
    stride: int | None = number(
        None, "Pixels between positions; by default 1, or the size when pooling.", FROM_ONE
    )
    padding: str = choice(
        "valid", "Positions inside the image, or also with zeros around it", ("valid", "same")
    )
    position: tuple[int, int] | None = setting(
        None, "Row,column of the result to work out, from 0; by default its largest number."
    )
    size: int = number(2, "Side of the pooling windows.", FROM_ONE)
    model: str = setting("", "A .keras file.")
    layer: str = setting("", "Name of a layer; empty is the first convolution.")
    channel: int | None = number(None, "Draw the filters' weights for this input channel alone, from 0.")

    def __post_init__(self) -> None:
        """Checks every value."""
        super().__post_init__()
        if self.output and Path(self.output).suffix.lower() != ".png":
            raise InputError(f"output must end in .png. Received: output={self.output}")


FLAGS = field_flags.flags_of(DrawSettings)


@common.command(__doc__, FLAGS)
def main() -> None:
    """Runs nst-draw."""
    settings = field_flags.parsed(DrawSettings, FLAGS)
    uses = _USES[settings.figure]
    for name in FLAGS:
        if FLAGS[name].present and any(name in used for used in _USES.values()) and name not in uses:
            raise flags.Error(f"--{name} has no use with --figure={settings.figure}")
    drawing = _draw_model(settings) if "model" in uses else _draw_numbers(settings)
    from nst_keras.reports.look import encode_png
    from nst_keras.storage.files import write_whole

    output = settings.output or f"{settings.figure}.png"
    write_whole(output, encode_png(drawing))
    print(output)


def _draw_numbers(settings: DrawSettings) -> "Figure":
    """What needs no model; all that can be wrong are flags."""
    from nst_keras.reports import convolution, network

    with field_flags.naming_flags():
        if settings.figure == "network":
            return network.draw_network(settings.layers, settings.layer_names, bias=settings.bias)
        image = _rows("image", settings.image)
        if settings.figure == "pooling":
            return convolution.draw_max_pooling(image, settings.size, settings.stride, settings.position)
        stride, kernel = settings.stride or 1, _rows("kernel", settings.kernel)
        return convolution.draw_convolution(image, kernel, stride, settings.padding, settings.position)


def _draw_model(settings: DrawSettings) -> "Figure":
    if not settings.model or (settings.figure == "feature_maps" and not settings.image):
        needed = "--model and --image" if settings.figure == "feature_maps" else "--model"
        raise flags.Error(f"--figure={settings.figure} needs {needed}")
    common.import_tensorflow_quietly()
    from nst_keras.classifiers import trained as trained_model
    from nst_keras.reports import feature_maps

    model = trained_model.load_model(settings.model)
    if settings.figure == "filters":
        return feature_maps.draw_filters(model, settings.layer, settings.channel)
    image = trained_model.load_input(settings.image, model)
    return feature_maps.draw_feature_maps(model, image, settings.layer)


def _rows(name: str, text: str) -> list[list[float]] | None:
    """Reads 0,1,2;3,4,5; of nothing it makes None."""
    if not text:
        return None
    try:
        rows = [[float(part) for part in row.split(",")] for row in text.split(";")]
    except ValueError as error:
        raise InputError(f"{name} must be rows of numbers as 0,1,2;3,4,5. Received: {name}={text}") from error
    if len({len(row) for row in rows}) > 1:
        raise InputError(f"{name} must have rows of one length. Received: {name}={text}")
    return rows


if __name__ == "__main__":
    main()
