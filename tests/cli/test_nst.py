"""`nst`: one door to every command."""

import importlib
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import nst_keras
from nst_keras.cli import nst

ROOT = Path(nst_keras.__file__).parents[1]


def test_every_command_is_behind_the_door() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts.pop("nst") == f"{nst.__name__}:main"
    for script, place in scripts.items():
        assert f"{nst.COMMANDS[script.removeprefix('nst-')]}:main" == place
    for module in nst.COMMANDS.values():
        assert callable(importlib.import_module(module).main)


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_all_commands_are_listed_with_what_they_do(run_main: Callable, arguments: list[str]) -> None:
    done = run_main(nst.main, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert "  stylize               Paints a photo in the style of one or more paintings.\n" in done.stdout
    assert all(f"\n  {name} " in done.stdout for name in nst.COMMANDS)
    pipelines = run_main(nst.main, "pipeline", *arguments).stdout
    assert "\n  pipeline run " in pipelines and "\n  stylize " not in pipelines


def test_a_command_gets_what_follows_its_name(run_main: Callable) -> None:
    done = run_main(nst.main, "pipeline", "run-stage", "--help")
    assert done.returncode == 0 and done.stdout.startswith("Runs one stage by itself")
    done = run_main(nst.main, "push", "--name=a", "more")
    assert done.returncode == 2
    assert done.stderr.startswith("nst push: error: unexpected argument 'more'")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["stylise"], "unknown command 'stylise'. Did you mean stylize?"),
        (["pipeline", "rum", "--pipeline=x"], "unknown command 'pipeline rum'. Did you mean pipeline run?"),
        (["stylise", "--help"], "unknown command 'stylise'"),
        (["pipelines", "run"], "unknown command 'pipelines run'"),
        (["--fast"], "fast"),
    ],
)
def test_what_is_no_command_is_told(run_main: Callable, arguments: list[str], message: str) -> None:
    done = run_main(nst.main, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and "Traceback" not in done.stderr


def test_the_list_is_cheap() -> None:
    code = (
        "import sys; from nst_keras.cli.nst import main; sys.argv = ['nst']\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'tensorflow', 'numpy', 'PIL', 'nst_keras.cli.stylize'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
