"""nst-draw as a user runs it: files, messages and exit codes."""

import functools
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from nst_keras.cli import draw


@pytest.fixture
def run_here(run_main: Callable) -> Callable[..., subprocess.CompletedProcess[str]]:
    return functools.partial(run_main, draw.main)


@pytest.fixture
def model(tmp_path: Path) -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    outputs = keras.layers.Conv2D(4, 3, name="first")(inputs)
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "model.keras")
    return model


def _size(path: str) -> tuple[int, int]:
    with Image.open(path) as picture:
        picture.load()
        return picture.size


@pytest.mark.parametrize(
    "flags",
    [
        ["--figure=network", "--layers=3,1", "--layer_names=in,out", "--nobias"],
        ["--figure=convolution", "--image=1,2,3;4,5,6", "--kernel=1;0.5", "--padding=same", "--stride=2"],
        ["--figure=pooling", "--size=3", "--stride=1", "--position=1,1"],
    ],
)
def test_draws_without_a_model(run_here: Callable, flags: list[str]) -> None:
    done = run_here(*flags, "--output=x.png")
    assert (done.returncode, done.stdout, done.stderr) == (0, "x.png\n", "")
    first = Path("x.png").read_bytes()
    width, height = _size("x.png")
    assert 100 < width < 1200 and 100 < height < 1200
    assert run_here(*flags).stdout == f"{flags[0].removeprefix('--figure=')}.png\n"
    (other,) = set(Path().glob("*.png")) - {Path("x.png")}
    assert other.read_bytes() == first


def test_draws_filters_and_feature_maps_of_a_model(run_here: Callable, model: keras.Model) -> None:
    Image.fromarray(np.full((40, 30, 3), 90, np.uint8)).save("photo.jpg")
    assert run_here("--figure=filters", "--model=model.keras").returncode == 0
    maps = {}
    for image in ("photo.jpg", "digits:0", "digits:1"):
        done = run_here("--figure=feature_maps", "--model=model.keras", "--layer=first", f"--image={image}")
        assert (done.returncode, done.stdout) == (0, "feature_maps.png\n"), done.stderr
        maps[image] = Path("feature_maps.png").read_bytes()
    assert len(set(maps.values())) == 3


@pytest.mark.parametrize(
    "flags,message",
    [
        (["--figure=tree"], "--figure must be one of network, convolution, pooling, filters, feature_maps"),
        (["--figure=network", "--layers=3"], "--layers must be two or more"),
        (
            ["--figure=network", "--layers=3,x"],
            "--layers must be whole numbers by commas. Received: layers=3,x",
        ),
        (["--figure=network", "--kernel=1"], "--kernel has no use with --figure=network"),
        (["--image=1,2;3"], "--image must have rows of one length. Received: image=1,2;3"),
        (["--kernel=a"], "--kernel must be rows of numbers as 0,1,2;3,4,5. Received: kernel=a"),
        (["--stride=0"], "--stride must be a whole number, at least 1. Received: stride=0"),
        (["--position=1"], "--position must be 2 whole numbers by commas. Received: position=1"),
        (["--position=9,9"], "--position must lie in 0..3,0..3. Received: position=(9, 9)"),
        (["--figure=filters"], "--figure=filters needs --model"),
        (["--figure=feature_maps", "--model=x.keras"], "needs --model and --image"),
        (["--output=x.jpg"], "--output must end in .png. Received: output=x.jpg"),
        (["x.png"], "unexpected argument 'x.png'"),
    ],
)
def test_wrong_flags_exit_with_2(run_here: Callable, flags: list[str], message: str) -> None:
    done = run_here(*flags)
    assert done.returncode == 2
    assert message in done.stderr
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    "flags,message",
    [
        (["--model=missing.keras"], "missing.keras: does not exist"),
        (["--model=text.keras"], "text.keras: is not a .keras file"),
        (["--model=broken.keras"], "broken.keras: cannot be loaded as a Keras model"),
        (["--model=model.keras", "--layer=last"], "layer must be one of first. Received: layer=last"),
        (["--model=model.keras", "--image=missing.png"], "missing.png: does not exist"),
        (["--model=model.keras", "--image=digits:999"], "image must be digits:0 to digits:"),
        (["--model=model.keras", "--output=missing/x.png"], "missing does not exist"),
    ],
)
def test_bad_files_exit_with_1(
    run_here: Callable, model: keras.Model, flags: list[str], message: str
) -> None:
    Path("text.keras").write_text("text")
    with zipfile.ZipFile("broken.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    Image.fromarray(np.zeros((8, 8), np.uint8)).save("zeros.png")
    done = run_here("--figure=feature_maps", "--image=zeros.png", *flags)
    assert done.returncode == 1
    assert message in done.stderr and "Traceback" not in done.stderr
    assert not list(Path().glob("*maps.png"))
