"""What Tab completes: asked of the function that the shells ask, and of bash itself."""

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import nst_keras
from nst_keras.cli import completion
from nst_keras.cli.completion import complete


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for name in ("photo 1.jpg", "painting.jpg", ".hidden", "photos/one.png"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nst st", ["studio ", "stylize "]),
        (
            "nst pipeline ",
            ["approve ", "collect ", "compile-kfp ", "lineage ", "revoke ", "run ", "run-stage "],
        ),
        ("nst pipeline run --pipeline_", ["--pipeline_root="]),
        ("nst nothing --", []),
        ("nst-stylize --res", ["--resume "]),
        ("/opt/bin/nst-stylize --nores", ["--noresume "]),
        ("nst-stylize --resume=", ["--resume=off ", "--resume=on "]),
        ("nst stylize --optimizer=", ["--optimizer=adam ", "--optimizer=lbfgs ", "--optimizer=sgd "]),
        ("nst stylize --optimizer l", ["lbfgs "]),
        ("nst-stylize --style=star", ["--style=starry_night "]),
        ("nst-stylize --content=sample:", ["--content=sample:china ", "--content=sample:flower "]),
        ("nst-stylize --preset=n", ["--preset=notebook "]),
        ("nst-stylize --size=", []),
        ("nst-stylize --style_layers=relu1_1,relu2_", [f"--style_layers=relu1_1,relu2_{i} " for i in (1, 2)]),
        ("nst-train --dataset=fa", ["--dataset=fashion_mnist "]),
        ("nst-train --dataset=ph", ["--dataset=photo\\ 1.jpg ", "--dataset=photos/"]),
        ("nst-draw --model=photo\\ ", ["--model=photo\\ 1.jpg "]),
        ("nst-query --content photos/", ["photos/one.png "]),
        ("nst-query --content=photo.jpg,photos/o", ["--content=photo.jpg,photos/one.png "]),
        ("nst-weights i", ["import "]),
        ("nst-weights import pa", ["painting.jpg "]),
        ("nst-train --no_such=", []),
        ("nst-query --content='ph", None),
    ],
)
def test_words_that_can_follow(line: str, words: list[str] | None) -> None:
    assert complete(line) == words


def test_all_flags_are_shown_where_one_can_follow() -> None:
    shown = complete("nst-export --model=stylizer ")
    assert shown is not None and {"--stylizer=", "--help ", "--version "} <= set(shown)


def test_what_the_shell_takes_for_words_of_their_own_is_left_out() -> None:
    assert complete("nst-stylize --optimizer=l", "=:") == ["lbfgs "]
    assert complete("nst-train-stylizer --preview=sample:c", "=:") == ["china "]


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_each_script_names_all_commands(run_main: Callable, shell: str) -> None:
    done = run_main(completion.main, shell)
    assert done.returncode == 0 and "nst nst-stylize nst-studio nst-train-stylizer" in done.stdout
    assert run_main(completion.main, "fish").returncode == 2


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_bash_completes_what_is_typed(folder: Path) -> None:
    root = Path(nst_keras.__file__).parents[1]
    settings = {"PYTHONPATH": str(root), "TERM": "dumb", "INPUTRC": os.devnull, "PS1": "$ "}
    terminal, other = pty.openpty()
    shell = subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"],
        env=os.environ | settings,
        stdin=other,
        stdout=other,
        stderr=other,
        start_new_session=True,
    )
    os.close(other)
    try:
        load = f'eval "$({sys.executable} -m nst_keras.cli.nst completion bash)"; echo rea""dy\n'
        assert "ready\r\n" in _type(terminal, load, "ready\r\n")
        for keys, line in (
            ("nst pipel\t", "nst pipeline "),
            ("nst-train --model=sm\t", "nst-train --model=small_cnn "),
            ("nst-train --dataset=photo\\ \t", "nst-train --dataset=photo\\ 1.jpg "),
            ("nst-query --content='pai\t", "nst-query --content='painting.jpg'"),
        ):
            assert line in _type(terminal, keys, line)
            os.write(terminal, b"\x15")  # empties the line
    finally:
        shell.kill()
        shell.wait()
        os.close(terminal)


def _type(terminal: int, keys: str, awaited: str) -> str:
    """What a terminal shows after some keys, up to a text that must come within a minute."""
    os.write(terminal, keys.encode())
    shown, end = "", time.monotonic() + 60
    while awaited not in shown and time.monotonic() < end:
        if select.select([terminal], [], [], 1)[0]:
            shown += os.read(terminal, 65536).decode()
    return shown
