"""Fetches, shows, imports and writes the weights of VGG-19.

Usage:
  nst-weights pull              fetch the 8-bit network, unless it is there
  nst-weights show              source, hash, licence and statistics of the weights in use
  nst-weights import FILE.mat   keep imagenet-vgg-verydeep-19.mat as the default from now on
  nst-weights write FILE.mat    write the weights in use as a MatConvNet file

The weights lie in the user's cache folder; NST_KERAS_CACHE names another one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from absl import flags

from nst_keras.cli import common, field_flags
from nst_keras.errors import did_you_mean
from nst_keras.fields import choice
from nst_keras.models.vgg19_layout import BETA17, MAT_LAYOUTS, QUANTIZED

if TYPE_CHECKING:
    from nst_keras.models.vgg19_layout import VGG19Weights

_USAGE = "pull, show, import FILE.mat or write FILE.mat"
_ACTIONS = {"pull": 0, "show": 0, "import": 1, "write": 1}  # number of files that each takes


@dataclass(frozen=True)
class WeightsSettings(common.NetworkSettings):
    """The same, and how it is written."""

    layout: str = choice(BETA17, "Layout of the file that write makes", MAT_LAYOUTS)


FLAGS = field_flags.flags_of(WeightsSettings)


@common.command(__doc__, FLAGS, takes_arguments=True)
def main(arguments: Sequence[str]) -> None:
    """Runs nst-weights."""
    action, *files = arguments or [""]
    if action not in _ACTIONS or len(files) != _ACTIONS[action]:
        hint = did_you_mean(action, _ACTIONS) if action not in _ACTIONS else ""
        raise flags.Error(f"expected {_USAGE}. Received: {' '.join(arguments) or 'nothing'}{hint}")
    network = field_flags.parsed(WeightsSettings, FLAGS)
    from nst_keras.weights import matconvnet_writer, vgg19

    if action == "import":
        weights = vgg19.import_vgg19(files[0], network.kernel_order)
        print(f"imported {weights.source} to {vgg19.imported_path()}")
        return
    spec = QUANTIZED if action == "pull" else network.vgg
    weights = vgg19.load_vgg19(spec, network.kernel_order)
    if action == "write":
        matconvnet_writer.write_mat(files[0], weights, network.layout)
        print(f"wrote {files[0]}")
    else:
        print(_describe(weights, with_layers=action == "show"))


def _describe(weights: "VGG19Weights", *, with_layers: bool) -> str:
    mean = " ".join(f"{value:.3f}" for value in weights.mean_pixel)
    lines = [f"source      {weights.source}", f"hash        {weights.digest}"]
    lines += [f"licence     {weights.licence}", f"mean pixel  {mean} (RGB)"]
    heads = ("kernel", "mean", "std", "min", "max", "bias mean", "bias std")
    row = "{:8}{:>16}{:>10}{:>9}{:>9}{:>9}{:>11}{:>10}"
    lines += ["", row.format("layer", *heads)] * with_layers
    for name, (kernel, bias) in weights.layers.items() if with_layers else ():
        values = (kernel.mean(), kernel.std(), kernel.min(), kernel.max(), bias.mean(), bias.std())
        numbers = (f"{value:.5f}" for value in values)
        lines.append(row.format(name, "x".join(map(str, kernel.shape)), *numbers))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
