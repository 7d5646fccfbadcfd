"""Neural style transfer, and all around it: one door to every command.

nst stylize --content=photo.jpg --style=painting.jpg      is nst-stylize
nst pipeline run --pipeline=classifier                    is python -m pipelines.run
nst COMMAND --help
eval "$(nst completion bash)"                             in ~/.bashrc: Tab completes commands and flags
"""

import ast
import importlib
import importlib.util
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from nst_keras.cli import common
from nst_keras.errors import did_you_mean

# What follows `nst`, and the module that does it, by name: pipelines stand above this package.
COMMANDS = {
    "stylize": "nst_keras.cli.stylize",
    "studio": "nst_keras.cli.studio",
    "train-stylizer": "nst_keras.cli.train_stylizer",
    "train": "nst_keras.cli.train",
    "finetune": "nst_keras.cli.finetune",
    "debug": "nst_keras.cli.debug",
    "draw": "nst_keras.cli.draw",
    "export": "nst_keras.cli.export",
    "push": "nst_keras.cli.push",
    "serve": "nst_keras.cli.serve",
    "query": "nst_keras.cli.query",
    "weights": "nst_keras.cli.weights",
    "pipeline run": "pipelines.run",
    "pipeline collect": "pipelines.collect",
    "pipeline lineage": "pipelines.lineage",
    "pipeline approve": "pipelines.approve",
    "pipeline revoke": "pipelines.revoke",
    "pipeline run-stage": "pipelines.run_stage",
    "pipeline compile-kfp": "pipelines.compile_kfp",
    "completion": "nst_keras.cli.completion",
}


def command_of(words: Sequence[str]) -> str:
    """The command that words begin with, or nothing."""
    return next((name for name in COMMANDS if name.split() == list(words[: name.count(" ") + 1])), "")


def main() -> None:
    """Entry point of `nst`."""
    words = sys.argv[1:]
    if name := command_of(words):
        # Messages call the command as it was typed.
        sys.argv = [f"nst {name}", *words[name.count(" ") + 1 :]]
        importlib.import_module(COMMANDS[name]).main()
    named = list(itertools.takewhile(lambda word: not word.startswith("-"), words))
    group = f"{named[0]} " if named and any(name.startswith(f"{named[0]} ") for name in COMMANDS) else ""
    if len(named) > bool(group):
        sys.argv[1:] = named  # the rest would be flags of a command that there isn't
    elif len(words) <= bool(group):
        sys.argv.append("--help")
    doc = f"{(__doc__ or '').strip()}\n\nCommands:\n{list_commands(group)}"
    common.command(doc, flags.FlagValues(), takes_arguments=True)(_refuse)()


def list_commands(group: str = "") -> str:
    """Commands whose names begin so, each with the first line of what it says of itself."""
    names = [name for name in COMMANDS if name.startswith(group)]
    width = max(map(len, names))
    return "\n".join(f"  {name:{width}}  {_first_line(COMMANDS[name])}" for name in names)


def _first_line(module: str) -> str:
    """Of a module's docstring; the module isn't imported, since that may take long."""
    spec = importlib.util.find_spec(module)
    text = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def _refuse(words: Sequence[str]) -> None:
    groups = {name.partition(" ")[0] for name in COMMANDS}
    hint = did_you_mean(" ".join(words[:2]), COMMANDS) or did_you_mean(words[0], groups)
    raise flags.Error(f"unknown command {' '.join(words[:2])!r}{hint}")


if __name__ == "__main__":
    main()
