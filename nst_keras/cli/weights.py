"""Lists, fetches, shows, imports and writes the weights of networks that others trained.

Usage:
  nst-weights list              networks that are fetched at first use: purpose, source, licence
  nst-weights pull [NETWORK]    fetch one, unless it is there; vgg19 (in 8 bits) if none is named
  nst-weights show [NETWORK]    source, hash and licence of one; of the VGG-19 in use statistics, too
  nst-weights import FILE.mat   keep imagenet-vgg-verydeep-19.mat as the default VGG-19 from now on
  nst-weights write FILE.mat    write the VGG-19 in use as a MatConvNet file

The weights lie in the user's cache folder; NST_KERAS_CACHE names another one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from absl import flags

from nst_keras.cli import common, field_flags
from nst_keras.console.console import say
from nst_keras.errors import did_you_mean, require_choice
from nst_keras.fields import choice
from nst_keras.models.vgg19_layout import BETA17, MAT_LAYOUTS, QUANTIZED

if TYPE_CHECKING:
    from nst_keras.models.vgg19_layout import VGG19Weights
    from nst_keras.weights.fetched import FetchedNetwork

_USAGE = "list, pull [NETWORK], show [NETWORK], import FILE.mat or write FILE.mat"
# Least and most words that follow each.
_ACTIONS = {"list": (0, 0), "pull": (0, 1), "show": (0, 1), "import": (1, 1), "write": (1, 1)}
_VGG19 = "vgg19"


@dataclass(frozen=True)
class WeightsSettings(common.NetworkSettings):
    """The same, and how it is written."""

    layout: str = choice(BETA17, "Layout of the file that write makes", MAT_LAYOUTS)


FLAGS = field_flags.flags_of(WeightsSettings)


@common.command(__doc__, FLAGS, takes_arguments=True)
def main(arguments: Sequence[str]) -> None:
    """Runs nst-weights."""
    action, *words = arguments or [""]
    least, most = _ACTIONS.get(action, (1, 0))
    if not least <= len(words) <= most:
        hint = did_you_mean(action, _ACTIONS) if action not in _ACTIONS else ""
        raise flags.Error(f"expected {_USAGE}. Received: {' '.join(arguments) or 'nothing'}{hint}")
    network = field_flags.parsed(WeightsSettings, FLAGS)
    from nst_keras.storage.cache import read_cached
    from nst_keras.weights import matconvnet_writer, vgg19
    from nst_keras.weights.fetched import FETCHED_NETWORKS

    if action == "list":
        print("\n\n".join(map(_describe_fetched, FETCHED_NETWORKS.values())))
        return
    if action == "import":
        weights = vgg19.import_vgg19(words[0], network.kernel_order)
        print(f"imported {weights.source} to {vgg19.imported_path()}")
        return
    if action in ("pull", "show") and words and words[0] != _VGG19:
        require_choice("network", words[0], FETCHED_NETWORKS)
        read_cached(FETCHED_NETWORKS[words[0]].file, say)
        print(_describe_fetched(FETCHED_NETWORKS[words[0]]))
        return
    spec = QUANTIZED if action == "pull" else network.vgg
    weights = vgg19.load_vgg19(spec, network.kernel_order)
    if action == "write":
        matconvnet_writer.write_mat(words[0], weights, network.layout)
        print(f"wrote {words[0]}")
    else:
        print(_describe(weights, with_layers=action == "show"))


def _describe_fetched(network: "FetchedNetwork") -> str:
    from nst_keras.storage.cache import cache_dir

    path = cache_dir() / network.file.name
    place = path if path.exists() else f"not yet fetched ({network.file.fetch_size})"
    lines = [f"{network.name}: {network.purpose}", f"source      {network.source} on the package index"]
    lines += [f"hash        sha256:{network.file.sha256}", f"licence     {network.licence}"]
    return "\n".join([*lines, f"file        {place}"])


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
