"""nst-train-stylizer as a user runs it: files, going on after a kill, new styles, several workers."""

import csv
import functools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nst_keras.cli import train_stylizer
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.pictures.images import read_image, write_image
from nst_keras.stylizers.multi_style.file import MultiStyleStylizer, read_stylizer

COMMAND = [sys.executable, "-m", "nst_keras.cli.train_stylizer"]
SMALL = [
    "--vgg=8bit",
    "--styles=paintings",
    "--width=0.125",
    "--crop_size=64",
    "--batch_size=2",
    "--style_size=64",
    "--preview=sample:china",
    "--preview_size=64",
    "--notensorboard",
]


@pytest.fixture(autouse=True)
def paintings(tmp_path: Path, real_weights: VGG19Weights) -> Path:
    """Two paintings: broad stripes in one colour, fine ones in another."""
    folder = tmp_path / "paintings"
    folder.mkdir()
    x = np.arange(96)
    for name, period, color in (("broad", 24, (230, 60, 30)), ("fine", 6, (20, 90, 220))):
        stripes = 0.5 + 0.5 * np.sign(np.sin(2 * np.pi * (x[:, None] + x) / period))
        write_image(folder / f"{name}.png", stripes[..., None] * color)
    return folder


@pytest.fixture
def run_here(run_main: Callable) -> Callable[..., subprocess.CompletedProcess[str]]:
    return functools.partial(run_main, train_stylizer.main)


def _paint(stylizer: MultiStyleStylizer, photo: np.ndarray, style: str) -> np.ndarray:
    weights = np.float32([[name == style for name in stylizer.styles]])
    return np.asarray(stylizer.model({"image": photo[None], "style_weights": weights}))[0]


def test_a_short_training_leaves_a_stylizer_and_what_it_was_like(
    run_here: Callable, tmp_path: Path, shallow_loss: None
) -> None:
    flags = ["--num_steps=4", "--log_every=2", "--preview_every=2", "--batch_size=1", "--output_dir=out"]
    done = run_here(*SMALL, *flags)
    assert (done.returncode, done.stdout) == (0, "out/stylizer.npz\n"), done.stderr
    assert "broad, fine: " in done.stderr and " parameters, 2 photos, on " in done.stderr
    assert "step 1/4  loss " in done.stderr
    rows = list(csv.DictReader((tmp_path / "out/log.csv").read_text().splitlines()))
    assert [row["step"] for row in rows] == ["2", "4"]
    terms = [float(value) for name, value in rows[0].items() if name not in ("step", "loss", "seconds")]
    assert float(rows[0]["loss"]) == pytest.approx(sum(terms), rel=1e-5)
    assert {"content/relu2_1", "style/relu1_1", "total_variation"} <= set(rows[0])
    previews = sorted(path.name for path in (tmp_path / "out/previews").iterdir())
    assert previews == ["step_000002.png", "step_000004.png"]
    assert read_image(tmp_path / "out/previews/step_000004.png").shape[1] > 3 * 64
    stylizer = read_stylizer(tmp_path / "out/stylizer.npz")
    assert stylizer.styles == ("broad", "fine")
    assert stylizer.card["settings"]["num_steps"] == 4
    assert stylizer.card["losses"]["loss"] == pytest.approx(float(rows[-1]["loss"]))
    again = run_here(*SMALL, *flags)
    assert again.returncode == 0 and "going on at step 4 of 4" in again.stderr
    other = run_here(*SMALL, *flags, "--learning_rate=0.5")
    assert other.returncode == 1 and "learning_rate" in other.stderr and "--restart" in other.stderr


@pytest.mark.large  # a minute or more
@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_run_goes_on_to_the_same_place(run_here: Callable, tmp_path: Path, kill: int) -> None:
    flags = ["--num_steps=14", "--checkpoint_seconds=1", "--log_every=1", "--preview="]
    process = subprocess.Popen(
        [*COMMAND, *SMALL, *flags, "--output_dir=killed"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    checkpoint = tmp_path / "killed/checkpoint.npz"
    deadline = time.monotonic() + 200
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(kill)
    _, errors = process.communicate(timeout=100)
    assert process.returncode == (130 if kill == signal.SIGINT else -kill), errors
    assert not (tmp_path / "killed/stylizer.npz").exists()
    resumed = run_here(*SMALL, *flags, "--output_dir=killed")
    assert resumed.returncode == 0, resumed.stderr
    steps = int(re.search(r"going on at step (\d+) of 14", resumed.stderr)[1])
    assert steps < 14
    assert run_here(*SMALL, *flags, "--output_dir=through").returncode == 0
    logs = [
        list(csv.DictReader((tmp_path / name / "log.csv").read_text().splitlines()))
        for name in ("killed", "through")
    ]
    assert [row["step"] for row in logs[0]] == [str(step) for step in range(1, 15)]
    assert {"content/relu4_2", "style/relu1_1", "style/relu5_1", "total_variation"} <= set(logs[0][0])
    # Weights and photos are those of the unbroken run; the trainer's own test shows that Adam's state is too.
    # Later losses tell nothing: sums of several threads differ, which grows to half a percent in any runs.
    losses = np.array([[float(row["loss"]) for row in log[: steps + 2]] for log in logs])
    np.testing.assert_allclose(*losses, rtol=3e-3)
    assert (tmp_path / "killed/stylizer.npz").exists()


@pytest.mark.large  # a minute or more
def test_a_new_style_leaves_the_old_ones_pictures_as_they_are(
    run_here: Callable, tmp_path: Path, photo: np.ndarray
) -> None:
    short = ["--num_steps=3", "--preview="]
    assert run_here(*SMALL, *short, "--output_dir=old").returncode == 0
    more = ["--styles=sample:ink", "--init=old/stylizer.npz", "--learning_rate=0.02", "--output_dir=new"]
    done = run_here(*SMALL, *short, *more)
    assert done.returncode == 0, done.stderr
    old, new = (read_stylizer(tmp_path / name / "stylizer.npz") for name in ("old", "new"))
    assert new.styles == ("broad", "fine", "ink")
    part = photo[:64, :64]
    for style in old.styles:
        np.testing.assert_allclose(_paint(new, part, style), _paint(old, part, style), atol=0.01)
    middle = np.float32([[0.5, 0.5, 0]])  # where the new style began
    start = np.asarray(new.model({"image": part[None], "style_weights": middle}))[0]
    assert np.abs(_paint(new, part, "ink") - start).mean() > 0.5
    wider = run_here(*SMALL, *short, *more, "--width=0.25", "--restart")
    assert wider.returncode == 1 and "width must be that of old/stylizer.npz" in wider.stderr


@pytest.mark.parametrize(
    "flags,code,message",
    [
        (["--styles="], 2, "styles must name at least one painting"),
        (["--crop_size=10"], 2, "--crop_size must be a whole number, at least 64"),
        (["--largest_scale=0"], 2, "--largest_scale must be"),
        (["--distribute=tpu"], 2, "distribute must be one of none, mirrored, multi_worker"),
        (["stray"], 2, "unexpected argument 'stray'"),
        (["--styles=none.png"], 1, "styles: none.png: does not exist"),
        (["--styles=paintings/fine.png,other/fine.png"], 1, "two paintings are named fine"),
        (["--photos=empty"], 1, "empty: must hold a picture"),
        (["--init=paintings/fine.png"], 1, "paintings/fine.png: isn't a stylizer"),
        (["--output_dir=paintings/fine.png/out"], 1, "--output_dir: paintings/fine.png/out can't be made"),
        (["--vgg=paintings/fine.png"], 1, "paintings/fine.png"),
    ],
)
def test_bad_input_is_named(
    run_here: Callable, tmp_path: Path, flags: list[str], code: int, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    write_image(tmp_path / "other/fine.png", np.zeros((32, 32, 3)))
    done = run_here(*SMALL, "--num_steps=1", *flags)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.mark.large
def test_two_workers_equal_one(run_here: Callable, tmp_path: Path) -> None:
    flags = ["--num_steps=3", "--preview=", "--ema=0"]
    workers = [f"127.0.0.1:{port}" for port in _free_ports(2)]
    processes = []
    for index in range(2):
        task = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
        processes.append(
            subprocess.Popen(
                [*COMMAND, *SMALL, *flags, "--distribute=multi_worker", "--output_dir=two"],
                cwd=tmp_path,
                env=os.environ | {"TF_CONFIG": json.dumps(task)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    assert run_here(*SMALL, *flags, "--output_dir=one").returncode == 0
    outputs = [process.communicate(timeout=400) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert [output[0] for output in outputs] == ["two/stylizer.npz\n", ""]
    one, two = (read_stylizer(tmp_path / name / "stylizer.npz") for name in ("one", "two"))
    for single, double in zip(one.model.weights, two.model.weights, strict=True):
        np.testing.assert_allclose(double, single, rtol=1e-2, atol=1e-3)  # the files have 16 bits
    assert two.card["losses"]["loss"] == pytest.approx(one.card["losses"]["loss"], rel=1e-4)
