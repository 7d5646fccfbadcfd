"""Draws networks, convolutions with their numbers, and what a trained network has learned.

  nst-draw --figure=network --layers=3,4,2
  nst-draw --figure=convolution --kernel="-1,1;-1,1" --stride=1
  nst-draw --figure=pooling --size=2
  nst-draw --figure=filters --model=runs/small_cnn-digits/model.keras
  nst-draw --figure=feature_maps --model=runs/small_cnn-digits/model.keras --image=digits:0 --layer=conv2

Rows of numbers are written 0,1,2;3,4,5. A flag that the figure has no use for is an error.
"""

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from nst_keras.cli import common
from nst_keras.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_USES = {
    "network": ("layers", "layer_names", "bias"),
    "convolution": ("image", "kernel", "stride", "padding", "position"),
    "pooling": ("image", "size", "stride", "position"),
    "filters": ("model", "layer", "channel"),
    "feature_maps": ("model", "layer", "image"),
}

FLAGS = flags.FlagValues()
_text = functools.partial(flags.DEFINE_string, flag_values=FLAGS)
_whole = functools.partial(flags.DEFINE_integer, flag_values=FLAGS)
_list = functools.partial(flags.DEFINE_list, flag_values=FLAGS)
_choice = functools.partial(flags.DEFINE_enum, flag_values=FLAGS)
_choice("figure", "convolution", list(_USES), "What to draw.")
_text("output", "", "PNG file to write; empty is FIGURE.png.")
_list("layers", "3,4,2", "Neurons of each layer, inputs first.")
_list("layer_names", None, "A name for each layer, by commas.")
flags.DEFINE_bool("bias", True, "Draw the units that give the biases.", flag_values=FLAGS)
_text("image", "", "Rows of numbers; for feature_maps a picture, or DATASET:N for a test picture.")
_text("kernel", "", "Rows of numbers; empty is a finder of edges.")
_whole("stride", None, "Pixels between positions; by default 1, or the size when pooling.")
_choice("padding", "valid", ["valid", "same"], "Positions inside the image, or also with zeros around it.")
_list("position", None, "Row,column of the result to work out, from 0; by default its largest number.")
_whole("size", 2, "Side of the pooling windows.")
_text("model", "", "A .keras file.")
_text("layer", "", "Name of a layer; empty is the first convolution.")
_whole("channel", None, "Draw the filters' weights for this input channel alone, from 0.")


@common.command(__doc__, FLAGS)
def main() -> None:
    """Runs nst-draw."""
    figure = FLAGS.figure
    for name in FLAGS:
        if FLAGS[name].present and any(name in used for used in _USES.values()) and name not in _USES[figure]:
            raise flags.Error(f"--{name} has no use with --figure={figure}")
    output = Path(FLAGS.output or f"{figure}.png")
    if output.suffix.lower() != ".png":
        raise flags.Error(f"--output must end in .png. Received: output={output}")
    drawing = _draw_model() if "model" in _USES[figure] else _draw_numbers()
    from nst_keras.reports.look import encode_png
    from nst_keras.storage.files import write_whole

    write_whole(output, encode_png(drawing))
    print(output)


def _draw_numbers() -> "Figure":
    """What needs no model; all that can be wrong are flags."""
    from nst_keras.reports import convolution, network

    try:
        if FLAGS.figure == "network":
            return network.draw_network(_whole_numbers("layers"), FLAGS.layer_names, bias=FLAGS.bias)
        position = _position()
        image = _rows("image") if FLAGS.image else None
        if FLAGS.figure == "pooling":
            return convolution.draw_max_pooling(image, FLAGS.size, FLAGS.stride, position)
        kernel = _rows("kernel") if FLAGS.kernel else None
        stride = 1 if FLAGS.stride is None else FLAGS.stride
        return convolution.draw_convolution(image, kernel, stride, FLAGS.padding, position)
    except InputError as error:
        raise flags.IllegalFlagValueError(f"--{error}") from error


def _draw_model() -> "Figure":
    if not FLAGS.model or (FLAGS.figure == "feature_maps" and not FLAGS.image):
        needed = "--model and --image" if FLAGS.figure == "feature_maps" else "--model"
        raise flags.Error(f"--figure={FLAGS.figure} needs {needed}")
    common.import_tensorflow_quietly()
    from nst_keras.classifiers import trained as trained_model
    from nst_keras.reports import feature_maps

    model = trained_model.load_model(FLAGS.model)
    if FLAGS.figure == "filters":
        return feature_maps.draw_filters(model, FLAGS.layer, FLAGS.channel)
    image = trained_model.load_input(FLAGS.image, model)
    return feature_maps.draw_feature_maps(model, image, FLAGS.layer)


def _position() -> tuple[int, int] | None:
    match _whole_numbers("position"):
        case []:
            return None
        case [row, column]:
            return row, column
    raise InputError(f"position must be row,column. Received: position={','.join(FLAGS.position)}")


def _whole_numbers(name: str) -> list[int]:
    parts = FLAGS[name].value or []
    try:
        return [int(part) for part in parts]
    except ValueError as error:
        raise InputError(f"{name} must be whole numbers. Received: {name}={','.join(parts)}") from error


def _rows(name: str) -> list[list[float]]:
    """Reads 0,1,2;3,4,5."""
    text = str(FLAGS[name].value)
    try:
        rows = [[float(part) for part in row.split(",")] for row in text.split(";")]
    except ValueError as error:
        raise InputError(f"{name} must be rows of numbers as 0,1,2;3,4,5. Received: {name}={text}") from error
    if len({len(row) for row in rows}) > 1:
        raise InputError(f"{name} must have rows of one length. Received: {name}={text}")
    return rows


if __name__ == "__main__":
    main()
