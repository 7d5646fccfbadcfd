"""The package as it is installed: commands, version, and imports that stay light."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

import nst_keras

COMMANDS = {
    entry.name: entry
    for entry in importlib.metadata.entry_points(group="console_scripts")
    if entry.value.startswith("nst_keras.")
}


def test_commands_are_installed() -> None:
    expected = {"nst-debug", "nst-draw", "nst-finetune", "nst-stylize", "nst-train", "nst-weights"}
    assert expected <= set(COMMANDS)
    assert all(callable(entry.load()) for entry in COMMANDS.values())


def test_version_is_the_installed_one() -> None:
    assert importlib.metadata.version("nst_keras") == nst_keras.__version__


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_and_version_load_nothing_heavy(name: str) -> None:
    code = (
        f"import sys; from {COMMANDS[name].module} import main\n"
        "for flag in '--version', '--help':\n"
        f"    sys.argv = ['{name}', flag]\n"
        "    try: main()\n"
        "    except SystemExit as end: assert not end.code\n"
        "heavy = {'tensorflow', 'keras', 'matplotlib', 'scipy', 'sklearn', 'numpy', 'PIL'} & {*sys.modules}\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"nst_keras {nst_keras.__version__}\n")
    assert done.stdout.count("\n  --") >= 2


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_reader_that_leaves_early_gets_no_traceback(name: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", COMMANDS[name].module, "--help"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    "name,module", [*((name, "absl.flags") for name in sorted(COMMANDS)), ("nst-stylize", "tensorflow")]
)
def test_ctrl_c_while_a_command_is_importing_is_quiet(name: str, module: str, tmp_path: Path) -> None:
    arguments = ["--fast", "--engine=tensorflow", "--content=sample:china", "--style=starry_night"]
    code = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background work ignores it
        "class Finder:\n"
        "    def find_spec(name, *_):\n"
        f"        if name == '{module}': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder)\n"
        f"from {COMMANDS[name].module} import main\n"
        f"sys.argv = {[name, *arguments]}; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_settings_and_plans_load_nothing_heavy() -> None:
    package = Path(nst_keras.__file__).parent
    # Settings first: a plan may read the files that it is about.
    for name, heavy in (("settings", {"numpy", "PIL"}), ("plan", {"tensorflow", "keras"})):
        files = [*package.rglob(f"{name}.py")]
        modules = [".".join(path.relative_to(package.parent).with_suffix("").parts) for path in files]
        assert len(modules) > 4
        code = f"import sys, {', '.join(modules)}; print({heavy} & {{*sys.modules}} or 'none')"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == ("none\n", "")
