"""The command as a user runs it: real processes, real files, exit codes and messages."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from absl.testing import flagsaver

from nst_keras.cli import common, stylize
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.pictures.images import read_image, read_settings, write_image
from nst_keras.pictures.resizing import resize
from nst_keras.transfer.observers import TraceWriter
from nst_keras.transfer.progress import OptimizationProgress

COMMAND = [sys.executable, "-m", "nst_keras.cli.stylize"]
FAST = [
    "--size=32",
    "--coarse_steps=0",
    "--content_layers=relu2_1",
    "--style_layers=relu1_1,relu2_1:0.5",
    "--num_steps=3",
    "--vgg=8bit",
]


def _run(*flags: object, folder: Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, flags)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout, check=False)


@pytest.fixture
def folder(tmp_path: Path, real_weights: VGG19Weights) -> Path:
    rng = np.random.default_rng(0)
    for name in ("photo.png", "painting.jpg"):
        write_image(tmp_path / name, rng.uniform(0, 255, (40, 48, 3)))
    return tmp_path


@pytest.fixture
def run_here(folder: Path, run_main: Callable) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command inside this process, where TensorFlow is loaded already."""

    def run(*flags: str) -> subprocess.CompletedProcess[str]:
        with flagsaver.flagsaver():
            return run_main(stylize.main, *flags)

    return run


def _inputs() -> list[str]:
    return ["--content=photo.png", "--style=painting.jpg", "--output=out.png"]


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_makes_a_picture_and_repeats_it_from_its_metadata(folder: Path, run_here: Callable) -> None:
    done = run_here(*_inputs(), *FAST, "--optimizer=adam")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "out.png"
    assert "step 3/3" in done.stderr and "ETA" in done.stderr and " GB free)" in done.stderr
    assert "Traceback" not in done.stderr
    picture = read_image(folder / "out.png")
    assert picture.shape == (27, 32, 3)
    assert read_settings(folder / "out.png")["settings"]["style_layers"] == {
        "relu1_1": 1.0,
        "relu2_1": 0.5,
    }
    again = run_here("--from=out.png", "--output=again.png")
    assert again.returncode == 0, again.stderr
    np.testing.assert_array_equal(read_image(folder / "again.png"), picture)
    faint = run_here("--from=out.png", "--output=faint.png", "--strength=0")
    assert faint.returncode == 0, faint.stderr
    photo = np.clip(resize(read_image(folder / "photo.png"), 27, 32), 0, 255)
    np.testing.assert_allclose(read_image(folder / "faint.png"), photo, atol=0.51)
    changed = run_here("--from=out.png", "--output=small.png", "--size=24")
    assert changed.returncode == 0, changed.stderr
    assert read_image(folder / "small.png").shape == (20, 24, 3)


@pytest.fixture
def masked(folder: Path) -> list[str]:
    """Flags for two paintings, each for a half."""
    mask = np.zeros([40, 48, 3])
    mask[:, 24:] = 255
    write_image(folder / "mask.png", mask)
    write_image(folder / "other.png", np.full([40, 40, 3], 200.0))
    return [
        "--content=photo.png",
        "--style=painting.jpg,other.png",
        "--content_mask=mask.png",
        "--style_mask=black,white",
    ]


def test_two_paintings_in_one_picture(folder: Path, run_here: Callable, masked: list[str]) -> None:
    assert run_here(*masked, *FAST, "--output=both.png").returncode == 0
    record = read_settings(folder / "both.png")
    assert (record["content_mask"], record["style_masks"]) == ("mask.png", ["black", "white"])
    assert run_here("--from=both.png", "--output=again.png", "--vgg=8bit").returncode == 0
    np.testing.assert_array_equal(read_image(folder / "again.png"), read_image(folder / "both.png"))
    assert run_here(*_inputs(), *FAST, "--content_mask=mask.png").returncode == 0
    photo = resize(read_image(folder / "photo.png"), 27, 32).clip(0, 255)
    kept = read_image(folder / "out.png")
    np.testing.assert_allclose(kept[:, :15], photo[:, :15], atol=0.51)
    assert np.abs(kept[:, 17:] - photo[:, 17:]).mean() > 1


@pytest.mark.parametrize(
    "flags,message",
    [
        (["--content_mask=photo.png"], "content_mask must be gray, or of the colours black, white, red"),
        (["--content_mask=wide.png"], "content_mask must have the shape of its picture, 48x40. Received: 60"),
        (["--style_mask=red,white"], "content_mask must have a region red"),
        (["--style_mask=white"], "style_mask must have one for each style image. Received: 1 for 2"),
        (["--style_mask=white,blak"], "style_mask: blak: does not exist"),
        (["--content_mask=none.png"], "mask: none.png: there is no such file"),
        (["--content_mask="], "style_mask needs a content_mask"),
    ],
)
def test_bad_masks_are_told_before_the_network_is_built(
    folder: Path,
    run_here: Callable,
    masked: list[str],
    monkeypatch: pytest.MonkeyPatch,
    flags: list[str],
    message: str,
) -> None:
    write_image(folder / "wide.png", np.full([40, 60, 3], 255.0))
    monkeypatch.setattr(common, "import_tensorflow_quietly", lambda: pytest.fail("too late"))
    done = run_here(*masked, *FAST, "--output=out.png", *flags)
    assert done.returncode == 1 and message in done.stderr, done.stderr
    assert not (folder / "out.png").exists()


@pytest.mark.large
def test_nearest_neighbours_are_in_the_recipe_and_repeated_to_the_bit(
    folder: Path, run_here: Callable
) -> None:
    flags = ("--method=nn", "--size=32", "--num_steps=2", "--coarse_steps=0", "--vgg=8bit")
    done = run_here(*_inputs(), *flags)
    assert done.returncode == 0, done.stderr
    assert "by nearest neighbours" in done.stderr and "step 2/2  32x27  total" in done.stderr
    settings = read_settings(folder / "out.png")["settings"]
    assert (settings["method"], settings["content_share"]) == ("nn", 0.75)
    again = run_here("--from=out.png", "--output=again.png")
    assert again.returncode == 0, again.stderr
    np.testing.assert_array_equal(read_image(folder / "again.png"), read_image(folder / "out.png"))
    refused = run_here("--from=out.png", "--style_weight=3")
    assert refused.returncode == 2 and "--style_weight has no effect with method=nn" in refused.stderr


def test_folders_times_styles_skips_what_is_done_and_goes_on_after_a_bad_file(
    folder: Path, run_here: Callable
) -> None:
    (folder / "photos").mkdir()
    (folder / "out").mkdir()
    (folder / "photo.png").rename(folder / "photos" / "good.png")
    (folder / "photos" / "bad.png").write_text("text")
    flags = ["--content=photos", "--style=painting.jpg,sample:ink", "--each_style", "--output=out"]
    done = run_here(*flags, *FAST)
    assert done.returncode == 1
    assert "photos/bad.png: is not a picture" in done.stderr
    assert "2 of 4 pictures could not be made" in done.stderr
    assert _names(folder / "out") == ["good_ink.png", "good_painting.png"]
    again = run_here(*flags, *FAST)
    assert again.stderr.count("done already") == 2
    # That is found out without TensorFlow, and without the network's weights.
    (folder / "photos" / "bad.png").unlink()
    code = f"""import sys; from nst_keras.cli.stylize import main; sys.argv = {["command", *flags, *FAST]}
try: main()
finally: print({{"tensorflow", "keras"}} & {{*sys.modules}} or "none")"""
    environment = {**os.environ, "NST_KERAS_CACHE": str(folder / "none")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "none\n"), done.stderr
    assert done.stderr.count("done already") == 2
    write_image(folder / "painting.jpg", np.zeros((40, 48, 3)))
    assert run_here(*flags, *FAST).stderr.count("done already") == 1


def test_results_in_the_folder_of_the_photos_are_not_taken_for_photos(
    folder: Path, run_here: Callable
) -> None:
    (folder / "photos").mkdir()
    (folder / "photo.png").rename(folder / "photos" / "a.png")
    for _ in range(2):
        run_here("--content=photos", "--style=painting.jpg", "--output=photos", *FAST)
        assert _names(folder / "photos") == ["a.png", "a_painting.png"]


@pytest.mark.large
def test_preview_paints_a_real_photo(folder: Path) -> None:
    flags = ["--content=sample:china", "--style=sample:strokes", "--output=out.png", "--preset=preview"]
    done = _run(*flags, "--trace=trace.jsonl", folder=folder, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "ETA" in done.stderr and "Traceback" not in done.stderr
    losses = [json.loads(line)["losses"] for line in (folder / "trace.jsonl").read_text().splitlines()]
    style = [sum(v for k, v in terms.items() if k.startswith("style/")) for terms in losses]
    assert style[-1] < 0.1 * style[0]
    # Neither the photo was lost (1 times the weight of 8 is a picture without it) nor was it kept.
    assert 1 < sum(value for name, value in losses[-1].items() if name.startswith("content/")) < 7


SLOW = ["--optimizer=adam", "--num_steps=80", "--trace=trace.jsonl"]


def test_a_signal_leaves_picture_and_checkpoint_and_resume_ends_bit_identical(
    folder: Path, run_here: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = TraceWriter.__call__

    def interrupted(writer: TraceWriter, progress: OptimizationProgress) -> None:
        write(writer, progress)
        if progress.step == 3:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(TraceWriter, "__call__", interrupted)
        stopped = run_here(*_inputs(), *FAST, *SLOW)
    assert stopped.returncode == 130 and "--resume" in stopped.stderr, stopped.stderr
    assert "step 3" in _resumes_to_the_bit(folder, run_here)


@pytest.mark.large  # TensorFlow starts once more
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_from_outside(folder: Path, number: signal.Signals, run_here: Callable) -> None:
    command = [*COMMAND, *_inputs(), *FAST, *SLOW]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (folder / "trace.jsonl").exists() and (folder / "trace.jsonl").stat().st_size > 500:
            break
        time.sleep(0.02)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + number, stderr
    assert "--resume" in stderr
    assert "resuming at" in _resumes_to_the_bit(folder, run_here)


def _resumes_to_the_bit(folder: Path, run_here: Callable) -> str:
    """What is said when a stopped descent goes on, to the picture of one that was never stopped."""
    assert {"out.png", "out.png.checkpoint.npz"} <= set(_names(folder))
    resumed = run_here(*_inputs(), *FAST, *SLOW, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    steps = [json.loads(line)["step"] for line in (folder / "trace.jsonl").read_text().splitlines()]
    assert steps == list(range(1, 81))
    assert "out.png.checkpoint.npz" not in _names(folder)
    stopped_and_resumed = read_image(folder / "out.png")
    assert run_here(*_inputs(), *FAST, *SLOW).returncode == 0
    np.testing.assert_array_equal(read_image(folder / "out.png"), stopped_and_resumed)
    return resumed.stderr


@pytest.mark.parametrize(
    "flag,message",
    [
        ("--size=0", "--size must be a whole number, at least 1. Received: size=0"),
        ("--size=-5", "size=-5"),
        ("--size=big", "size"),
        ("--style_weight=nan", "style_weight must be a finite number"),
        (
            "--preset=monet",
            "--preset must be one of default, preview, best, bold, gatys, notebook, crowsonkb",
        ),
        ("--style_layers=relu9_9", "relu5_4"),
        ("--method=gram", "--method must be one of statistics, nn"),
        (
            "--method=nn --preset=bold",
            "--preset=bold isn't for --method=nn: content_layers has no effect",
        ),
        ("--turn_style", "--turn_style has no effect with method=statistics"),
        ("--style_weights=a", "--style_weights must be numbers"),
        ("--stile=x.png", "unknown flag --stile. Did you mean --style?"),
        ("photo.png", "unexpected argument 'photo.png'"),
        ("--style=starry_night", "starry_night is a style that a stylizer knows: add --fast"),
        ("--style=stary_night", "stary_night is neither a style that a stylizer knows nor a painting"),
        ("--style=stary_night", "Did you mean starry_night?"),
    ],
)
def test_wrong_flags_exit_with_2(folder: Path, run_here: Callable, flag: str, message: str) -> None:
    before = _names(folder)
    done = run_here(*_inputs(), *flag.split())
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr
    assert _names(folder) == before


@pytest.mark.parametrize(
    "flags,message",
    [
        (["--content=missing.jpg"], "content: missing.jpg: there is no such file"),
        (["--content=china"], "content: china: there is no such file; sample:china comes with the package"),
        (["--style=ink"], "sample:ink comes with the package"),
        (["--content=empty.jpg"], "content: empty.jpg: is empty"),
        (["--content=text.jpg"], "content: text.jpg: is not a picture"),
        (["--content=cut.jpg"], "content: cut.jpg: is damaged or cut short"),
        (["--content=none"], "none"),
        (
            ["--content=dot.png"],
            "content: dot.png: the content image is 1x1 pixels but must be at least 16x16",
        ),
        (["--content=line.png"], "400x3 pixels but must be at least 16x16"),
        (["--style_weights=1,2"], "2 weights for 1 style images"),
        (["--output=missing/out.png"], "missing does not exist"),
        (["--output=photo.png"], "photo.png is also an input"),
        (["--output=out.xyz"], "the suffix must be one of .png"),
        (["--init=start.png", "--output=start.png"], "start.png is also an input"),
        (["--trace=photo.png"], "photo.png is also an input"),
        (["--content=shot_100.png", "--output=shot.png"], "shot_100.png is also an input"),
        (["--size=17000", "--output=out.webp"], "a side of a WEBP must be at most 16383"),
        (["--init=nowhere.png"], "init: nowhere.png: does not exist"),
        (["--from=painting.jpg"], "painting.jpg: holds no settings"),
        (["--vgg=text.jpg"], "text.jpg"),
    ],
)
def test_bad_input_exits_with_1_and_leaves_nothing(
    folder: Path, run_here: Callable, flags: list[str], message: str
) -> None:
    (folder / "none").mkdir()
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("this is no picture")
    (folder / "cut.jpg").write_bytes((folder / "painting.jpg").read_bytes()[:700])
    for name in ("start.png", "shot_100.png"):
        write_image(folder / name, np.zeros((20, 20, 3)))
    write_image(folder / "dot.png", np.zeros((1, 1, 3)))
    write_image(folder / "line.png", np.zeros((3, 400, 3)))
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    done = run_here(*_inputs(), *FAST, *flags)
    assert done.returncode == 1, done.stderr
    assert message in done.stderr and "Traceback" not in done.stderr
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_missing_inputs_are_asked_for(run_here: Callable) -> None:
    done = run_here("--style=painting.jpg")
    assert done.returncode == 2 and "--content is missing" in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folder(folder: Path) -> None:
    (folder / "locked").mkdir(mode=0o500)
    done = _run(*_inputs(), *FAST, "--output=locked/out.png", folder=folder)
    assert done.returncode == 1 and "permission denied" in done.stderr


def test_help_names_every_flag_with_its_default() -> None:
    text = common.help_text(stylize.__doc__ or "", stylize.FLAGS)
    for flag in ("content", "style", "preset", "vgg", "style_weight", "[no]resume", "tv_weight"):
        assert re.search(rf"^  --{re.escape(flag)}\b", text, re.MULTILINE)
    assert "--content_weight=X  [8.0]\n      Weight of the content loss.\n" in text
    assert "--optimizer=lbfgs|adam|sgd  [lbfgs]\n      Optimiser.\n" in text
