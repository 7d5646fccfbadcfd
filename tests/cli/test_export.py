"""nst-export as a user runs it: pushed versions, and errors."""

import functools
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf

from nst_keras.cli import export
from nst_keras.converters.stylizer_files import Stylizer, write_stylizer
from nst_keras.models.multi_style import multi_style


@pytest.fixture
def run_here(run_main: Callable) -> Callable[..., subprocess.CompletedProcess[str]]:
    return functools.partial(run_main, export.main)


def test_versions_of_a_stylizer(run_here: Callable, tmp_path: Path) -> None:
    write_stylizer(tmp_path / "own.npz", Stylizer(multi_style(2, width=0.125), ("wave", "night"), 0.125))
    for version in ("1", "2"):
        done = run_here("--stylizer=own.npz", "--name=own")
        assert (done.returncode, done.stdout) == (0, f"saved_models/own/{version}\n"), done.stderr
    folder = tmp_path / "saved_models" / "own" / "2"
    described = tf.saved_model.load(str(folder)).signatures["describe"](request=tf.constant([""]))
    assert json.loads(described["description"].numpy()[0])["styles"] == ["wave", "night"]
    signature = json.loads((folder / "assets.extra" / "signature.json").read_text())
    assert signature["serve_image_bytes"]["inputs"]["image_bytes"] == {"dtype": "string", "shape": [None]}
    assert (folder / "assets.extra" / "tf_serving_warmup_requests").stat().st_size > 0


def test_the_packages_own_stylizer(run_here: Callable) -> None:
    done = run_here("--output_dir=here")
    assert (done.returncode, done.stdout) == (0, "here\n"), done.stderr
    again = run_here("--output_dir=here")
    assert again.returncode == 1
    assert "output_dir: here: exists already" in again.stderr


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--model=nothing", "model: nothing: must be stylizer, style_transfer or the folder of a finished"),
        ("--stylizer=missing.npz", "missing.npz: does not exist"),
        ("--image_format=gif", "image_format"),
        ("--steps=0", "steps must be a whole number, at least 1"),
    ],
)
def test_errors(run_here: Callable, flag: str, message: str) -> None:
    done = run_here(flag)
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
