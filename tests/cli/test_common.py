"""What is the same for every command: its name in messages, and how its flags are told."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from absl import flags

import nst_keras
from nst_keras.cli import common, field_flags, push, query, train
from nst_keras.fields import Settings, choice, number, setting


@dataclass(frozen=True)
class _Settings(Settings):
    size: int = number(3, "Size.")
    kind: str = choice("round", "Kind", ("round", "flat"))
    shiny: bool = setting(True, "Shine.")
    edge: str = choice("none", "Edge", ("none", "thin", "thick"), switch=("none", "thin"))
    name: str = setting("", "Name.")


def test_flags_are_told_in_one_notation_and_the_important_ones_first() -> None:
    flag_values = field_flags.flags_of(_Settings)
    flags.DEFINE_multi_string("also", [], "More.", flag_values=flag_values)
    text = common.help_text("What it does.", flag_values, ["name", "kind"])
    assert text.startswith("What it does.\n")
    usages = re.findall(r"^  (--.*)|^(\w+ flags:)", text, re.MULTILINE)
    assert [usage or head for usage, head in usages] == [
        "--name=...",
        "--kind=round|flat  [round]",
        "More flags:",
        "--size=N  [3]",
        "--[no]shiny  [on]",
        "--[no]edge[=none|thin|thick]  [none]",
        "--also=...",
        "--help",
        "--version",
    ]


def test_switches_take_the_words_that_help_shows() -> None:
    flag_values = field_flags.flags_of(_Settings)
    for text, value in {
        "--shiny=off": False,
        "--noshiny": False,
        "--shiny": True,
        "--shiny=yes": True,
    }.items():
        flag_values.unparse_flags()
        flag_values(["command", text])
        assert field_flags.parsed(_Settings, flag_values).shiny is value


def test_a_flag_that_is_nearly_right_is_asked_back(run_main: Callable) -> None:
    done = run_main(push.main, "--saved_modle=out")
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: unknown flag --saved_modle. Did you mean --saved_model?\n" in done.stderr
    assert "Did you mean" not in run_main(push.main, "--xyz").stderr


def test_a_command_run_as_a_module_is_called_so(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(nst_keras.__file__).parents[1])}
    command = [sys.executable, "-m", "pipelines.collect", "--keep_runs=few"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("python -m pipelines.collect: error: --keep_runs must be a whole number")
    assert done.stderr.endswith("See 'python -m pipelines.collect --help'.\n")


def test_version_is_told_also_by_commands_with_versions_of_their_own(run_main: Callable) -> None:
    for command in (push, query):
        done = run_main(command.main, "--version")
        assert (done.returncode, done.stdout) == (0, f"nst_keras {nst_keras.__version__}\n")
    assert "--model must be" in run_main(query.main, "--version=3").stderr
    assert run_main(train.main, "--model=mlp", "--version").stdout == f"nst_keras {nst_keras.__version__}\n"
