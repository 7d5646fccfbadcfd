"""nst-train-stylizer --architecture=arbitrary as a user runs it."""

import csv
import functools
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nst_keras.cli import train_stylizer
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.pictures.images import read_image, write_image
from nst_keras.stylizers.arbitrary.file import read_arbitrary_stylizer
from nst_keras.stylizers.training.plan import StylizerPlan

SMALL = [
    "--architecture=arbitrary",
    "--vgg=8bit",
    "--styles=paintings",
    "--width=0.125",
    "--num_steps=2",
    "--crop_size=64",
    "--batch_size=1",
    "--style_size=80",
    "--preview=sample:china",
    "--preview_size=64",
    "--preview_styles=",
    "--notensorboard",
]

MULTI = ["--architecture=multi_style", f"--preview_styles={StylizerPlan.preview_styles}"]


@pytest.fixture
def run_here(
    run_main: Callable, tmp_path: Path, real_weights: VGG19Weights
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """In a folder with five paintings, two of the same name in folders, and a file that is none."""
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c", "old/a", "new/a"):
        path = tmp_path / "paintings" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_image(path, rng.uniform(0, 255, (90, 120, 3)))
    (tmp_path / "paintings" / "broken.png").write_text("text")
    return functools.partial(run_main, train_stylizer.main)


@pytest.mark.large
def test_a_short_training_leaves_a_stylizer_and_what_it_was_like(run_here: Callable, tmp_path: Path) -> None:
    flags = ["--log_every=1", "--preview_every=1", "--output_dir=out"]
    done = run_here(*SMALL, *flags)
    assert (done.returncode, done.stdout) == (0, "out/stylizer.npz\n"), done.stderr
    assert "left out: paintings/broken.png" in done.stderr
    assert "any style, of 5 paintings: " in done.stderr and " parameters, 2 photos, on " in done.stderr
    rows = list(csv.DictReader((tmp_path / "out/log.csv").read_text().splitlines()))
    assert [row["step"] for row in rows] == ["1", "2"]
    assert {"content", "style/relu1_1", "style/relu4_1"} <= set(rows[0])
    previews = sorted(path.name for path in (tmp_path / "out/previews").iterdir())
    assert previews == ["step_000001.png", "step_000002.png"]
    # The photo, and four of the five paintings.
    assert read_image(tmp_path / "out/previews" / previews[-1]).shape[1] == 5 * 64 + 4 * 4
    stylizer = read_arbitrary_stylizer(tmp_path / "out/stylizer.npz")
    assert stylizer.card["settings"]["num_steps"] == 2
    assert stylizer.card["losses"]["loss"] == pytest.approx(float(rows[-1]["loss"]))
    again = run_here(*SMALL, *flags)
    assert again.returncode == 0 and "going on at step 2 of 2" in again.stderr
    other = run_here(*SMALL, *flags, "--most_paintings=3")
    assert other.returncode == 1 and "paintings" in other.stderr and "--restart" in other.stderr


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (["--style_rate=1"], 2, "--style_rate is for architecture=multi_style only"),
        ([*MULTI, "--decay=0.1"], 2, "--decay is for architecture=arbitrary only"),
        ([*MULTI, "--most_paintings=5"], 2, "--most_paintings must be left out"),
        (["--architecture=adain"], 2, "must be one of multi_style, arbitrary"),
        (["--styles="], 2, "styles must name at least one painting"),
        (["--styles=none.png"], 1, "styles: none.png: does not exist"),
        (["--styles=empty"], 1, "empty: must hold a picture"),
        (["--init=paintings/a.png"], 1, "paintings/a.png: isn't a stylizer"),
        (["--preview_styles=none.png"], 1, "preview_styles: none.png: does not exist"),
    ],
)
def test_bad_input_is_named(
    run_here: Callable, tmp_path: Path, flags: list[str], code: int, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    done = run_here(*SMALL, *flags)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
