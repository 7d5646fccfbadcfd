"""nst-export as a user runs it: pushed versions, and errors."""

import functools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from nst_keras.cli import export, query
from nst_keras.errors import InputError
from nst_keras.export.onnx import LOOKS, PAINTS
from nst_keras.export.plan import ExportPlan
from nst_keras.models.arbitrary_style import build_decoder
from nst_keras.models.multi_style import multi_style
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.pictures.images import read_image, write_image
from nst_keras.serving import extra
from nst_keras.serving.server.server import ModelServer
from nst_keras.serving.server.settings import ServerSettings
from nst_keras.stylizers.arbitrary.file import ArbitraryStylizer, write_arbitrary_stylizer
from nst_keras.stylizers.multi_style.file import MultiStyleStylizer, write_stylizer


@pytest.fixture
def run_here(run_main: Callable) -> Callable[..., subprocess.CompletedProcess[str]]:
    return functools.partial(run_main, export.main)


def test_versions_of_a_stylizer(run_here: Callable, tmp_path: Path) -> None:
    write_stylizer(
        tmp_path / "own.npz", MultiStyleStylizer(multi_style(2, width=0.125), ("wave", "night"), 0.125)
    )
    for version, flags in (("1", []), ("2", ["--stylizer=own.npz"])):  # first the package's own
        done = run_here("--name=own", *flags)
        assert (done.returncode, done.stdout) == (0, f"saved_models/own/{version}\n"), done.stderr
    folder = tmp_path / "saved_models" / "own" / "2"
    described = tf.saved_model.load(str(folder)).signatures["describe"](request=tf.constant([""]))
    assert json.loads(described["description"].numpy()[0])["styles"] == ["wave", "night"]
    signature = json.loads((folder / "assets.extra" / "signature.json").read_text())
    assert signature["serve_image_bytes"]["inputs"]["image_bytes"] == {"dtype": "string", "shape": [None]}
    assert (folder / "assets.extra" / "tf_serving_warmup_requests").stat().st_size > 0


@pytest.mark.parametrize(("stylizer", "files"), [("own.npz", {PAINTS}), ("magenta", {PAINTS, LOOKS})])
def test_onnx_files_tell_what_they_are(
    run_here: Callable, tmp_path: Path, magenta_weights: None, stylizer: str, files: set[str]
) -> None:
    runtime = pytest.importorskip("onnxruntime")
    write_stylizer(
        tmp_path / "own.npz", MultiStyleStylizer(multi_style(2, width=0.125), ("wave", "night"), 0.125)
    )
    done = run_here(f"--stylizer={stylizer}", "--format=onnx", "--output_dir=onnx")
    assert (done.returncode, done.stdout) == (0, "onnx\n"), done.stderr
    assert {path.name for path in (tmp_path / "onnx").iterdir()} == files
    session = runtime.InferenceSession(str(tmp_path / "onnx" / PAINTS), providers=["CPUExecutionProvider"])
    shapes = {put.name: put.shape for put in (*session.get_inputs(), *session.get_outputs())}
    rows = 2 if stylizer == "own.npz" else 101
    picture = [1, "height", "width", 3]
    assert shapes == {"image": picture, "style_weights": [1, rows], "painted": picture}
    card = json.loads(session.get_modelmeta().custom_metadata_map["card"])
    assert card["styles"] == (["wave", "night"] if rows == 2 else []) and card["weights"].startswith(
        "sha256:"
    )


@pytest.mark.large
def test_without_the_packages_for_serving_there_are_no_warm_up_requests(
    run_here: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extra, "_PACKAGES", ("no_such_package",))
    write_stylizer(
        tmp_path / "own.npz", MultiStyleStylizer(multi_style(2, width=0.125), ("wave", "night"), 0.125)
    )
    done = run_here("--stylizer=own.npz", "--output_dir=saved")
    assert done.returncode == 0
    assert "no warm-up requests are written: serving needs more packages: pip install" in done.stderr
    assert (tmp_path / "saved" / "saved_model.pb").is_file()
    assert not (tmp_path / "saved" / "assets.extra" / "tf_serving_warmup_requests").exists()


@pytest.mark.large  # TensorFlow starts twice
def test_equal_models_are_equal_files(tmp_path: Path) -> None:
    write_stylizer(
        tmp_path / "own.npz", MultiStyleStylizer(multi_style(2, width=0.125), ("wave", "night"), 0.125)
    )
    command = [sys.executable, "-m", "nst_keras.cli.export", "--stylizer=own.npz"]
    both = [subprocess.Popen([*command, f"--output_dir={name}"], cwd=tmp_path) for name in ("one", "other")]
    assert [process.wait() for process in both] == [0, 0]
    one, other = (
        {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "one", tmp_path / "other")
    )
    assert one == other and "fingerprint.pb" in one


@pytest.mark.large
def test_a_stylizer_of_any_painting_is_served(
    run_here: Callable, tmp_path: Path, real_weights: VGG19Weights, photo: np.ndarray, run_main: Callable
) -> None:
    """Warmed up by its own requests, and asked by nst-query."""
    stylizer = ArbitraryStylizer(build_decoder(width=0.125), 0.125, 64, real_weights.digest)
    write_arbitrary_stylizer(tmp_path / "any.npz", stylizer)
    done = run_here("--stylizer=any.npz", "--name=any")
    assert (done.returncode, done.stdout) == (0, "saved_models/any/1\n"), done.stderr
    write_image(tmp_path / "photo.png", photo[:40, :50])
    write_image(tmp_path / "painting.png", photo[60:100, :60])
    with ModelServer(
        ServerSettings(serving_dir="saved_models", rest_api_port=0, port=0, isolate=False)
    ) as server:
        flags = [f"--grpc={server.grpc_address}", "--model=any", "--content=photo.png"]
        done = run_main(query.main, *flags, "--style=painting.png", "--output=painted.png")
        assert (done.returncode, done.stdout) == (0, "painted.png\n"), done.stderr
    assert read_image(tmp_path / "painted.png").shape == (40, 50, 3)


def test_a_folder_that_is_there_is_left_alone(run_here: Callable, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    done = run_here("--output_dir=here")
    assert done.returncode == 1
    assert "output_dir: here: exists already" in done.stderr


def test_passes_that_nothing_would_make_are_refused() -> None:
    for given in ({"model": "style_transfer"}, {"format": "onnx", "output_dir": "there"}):
        with pytest.raises(InputError, match="passes has no effect with"):
            ExportPlan(passes=4, **given)


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--model=nothing", "model: nothing: must be stylizer, style_transfer or the folder of a finished"),
        ("--stylizer=missing.npz", "missing.npz: does not exist"),
        ("--image_format=gif", "image_format"),
        ("--format=onnx", "format onnx is for the model stylizer, and needs output_dir"),
        ("--steps=0", "steps must be a whole number, at least 1"),
    ],
)
def test_errors(run_here: Callable, flag: str, message: str) -> None:
    done = run_here(flag)
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
