"""nst-stylize --fast with videos: as a user runs it, and how much less they flicker."""

import itertools
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from absl.testing import flagsaver

from nst_keras.cli import stylize
from nst_keras.console.console import Console
from nst_keras.models.multi_style import multi_style
from nst_keras.pictures.images import read_image, read_settings
from nst_keras.pictures.videos.video import read_video_settings
from nst_keras.stylizers.by_name import load_painter
from nst_keras.stylizers.multi_style.file import MultiStyleStylizer, write_stylizer
from nst_keras.stylizers.settings import VideoSettings
from nst_keras.stylizers.video import FramePainter

av = pytest.importorskip("av")

FAST = ["--stylizer=small.npz", "--content=clip.mp4", "--style=wave", "--size=64", "--output=painted.mp4"]


@pytest.fixture
def folder(tmp_path: Path, photo: np.ndarray) -> Path:
    keras.utils.set_random_seed(0)
    write_stylizer(tmp_path / "small.npz", MultiStyleStylizer(multi_style(1, width=0.125), ("wave",), 0.125))
    _write_clip(tmp_path / "clip.mp4", _pan(photo, 40))
    return tmp_path


def _write_clip(path: Path, pictures: list[np.ndarray]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture.astype(np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _pan(photo: np.ndarray, count: int) -> list[np.ndarray]:
    """A camera that moves 1 pixel to the right and, every other frame, 1 down."""
    return [photo[i // 2 : i // 2 + 64, i : i + 96] for i in range(count)]


@pytest.fixture
def run_here(run_main: Callable, folder: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*flags: str) -> subprocess.CompletedProcess[str]:
        with flagsaver.flagsaver():
            return run_main(stylize.main, *flags)

    return run


def _frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_several_clips_in_several_styles(run_here: Callable, folder: Path, photo: np.ndarray) -> None:
    (folder / "bad.mp4").write_text("text")
    _write_clip(folder / "short.mp4", _pan(photo, 1))
    flags = ["--stylizer=small.npz", "--style=wave", "--each_style", "--size=32", "--output=painted"]
    done = run_here(*flags, "--content=short.mp4,bad.mp4")
    assert (done.returncode, done.stdout) == (1, "painted/short_wave.mp4\n"), done.stderr
    assert "[2/2] error: bad.mp4: " in done.stderr and "1 of 2 pictures could not be made" in done.stderr
    (folder / "photo.png").write_bytes(b"")
    mixed = run_here(*flags, "--content=short.mp4,photo.png")
    assert mixed.returncode == 2 and "photo.png is no video, as others are" in mixed.stderr


def test_a_clip_is_painted(run_here: Callable, folder: Path) -> None:
    done = run_here(*FAST)
    assert (done.returncode, done.stdout) == (0, "painted.mp4\n"), done.stderr
    assert "frame 40/40" in done.stderr and "ETA" in done.stderr
    frames = _frames(folder / "painted.mp4")
    assert (len(frames), frames[0].shape) == (40, (42, 64, 3))  # 43 rows, made even
    assert read_video_settings(folder / "painted.mp4")["settings"] == {
        "size": 64,
        "strength": 1.0,
        "preserve_color": "none",
        "color_strength": 1.0,
        "precision": "float32",
        "passes": None,
        "steady": VideoSettings.steady,
    }
    assert run_here(*FAST, "--steady=0", "--output=plain.mkv").returncode == 0
    assert any(
        np.abs(a.astype(int) - b).mean() > 1
        for a, b in zip(frames, _frames(folder / "plain.mkv"), strict=True)
    )


@pytest.mark.large
def test_gif_in_and_out_and_any_video_repeated(run_here: Callable, folder: Path) -> None:
    assert run_here(*FAST, "--output=painted.gif").stdout == "painted.gif\n"
    assert run_here("--from=painted.gif", "--output=again.gif").returncode == 0
    assert (folder / "again.gif").read_bytes() == (folder / "painted.gif").read_bytes()
    # Its default output is a GIF, too; a picture is made of the first frame.
    done = run_here(*FAST, "--content=painted.gif", "--output=", "--steady=0.5")
    assert done.stdout == "painted_wave.gif\n" and len(_frames(folder / "painted_wave.gif")) == 40
    assert run_here("--from=painted_wave.gif", "--content=painted.gif", "--output=first.png").returncode == 0
    assert read_image(folder / "first.png").shape == (43, 64, 3)
    assert "steady" not in read_settings(folder / "first.png")["settings"]
    # A picture's settings do for a video.
    assert run_here("--from=first.png", "--content=clip.mp4", "--output=clip.gif").returncode == 0
    assert read_video_settings(folder / "clip.gif")["settings"]["steady"] == VideoSettings.steady


def test_the_optimiser_paints_a_video_and_goes_on_after_a_stop(
    run_here: Callable, folder: Path, real_weights: object, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write_clip(folder / "short.mp4", _pan(photo, 3))
    flags = ["--content=short.mp4", "--style=sample:ink", "--size=32", "--coarse_steps=0", "--num_steps=3"]
    flags += ["--content_layers=relu2_1", "--style_layers=relu1_1", "--vgg=8bit", "--frame_steps=2"]
    whole = run_here(*flags, "--output=whole.mp4")
    assert (whole.returncode, whole.stdout) == (0, "whole.mp4\n"), whole.stderr
    assert "frame 3/3" in whole.stderr and "ETA" in whole.stderr
    assert len(_frames(folder / "whole.mp4")) == 3
    settings = read_video_settings(folder / "whole.mp4")["settings"]
    assert (settings["frame_steps"], settings["num_steps"]) == (2, 3)
    with monkeypatch.context() as patch:
        answers = iter([False] * 4 + [True] * 99)  # in the second frame
        patch.setattr(Console, "should_stop", lambda self: next(answers))
        stopped = run_here(*flags, "--output=parts.mp4")
    assert "stopped; frames in parts.mp4: 1; --resume goes on from there" in stopped.stderr
    assert len(_frames(folder / "parts.mp4")) == 1
    other = run_here(*flags, "--output=parts.mp4", "--resume", "--seed=3")
    assert other.returncode == 1 and "the frames are of another run; these differ: seed" in other.stderr
    assert run_here(*flags, "--output=parts.mp4", "--resume").returncode == 0
    for one, other in zip(_frames(folder / "parts.mp4"), _frames(folder / "whole.mp4"), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not [path for path in folder.iterdir() if path.suffix == ".frames"]
    done = run_here(*flags, "--output=parts.mp4", "--resume")
    assert done.returncode == 0 and "parts.mp4 is done already" in done.stderr
    assert run_here("--from=whole.mp4", "--output=again.mp4", "--vgg=8bit").returncode == 0
    np.testing.assert_array_equal(_frames(folder / "again.mp4"), _frames(folder / "whole.mp4"))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--content=clip.mp4", "--output=out.mp4", "--trace=t"], "--trace works with pictures only"),
        (["--content=sample:china", "--frame_steps=9"], "--frame_steps works with videos only"),
        (["--content=clip.mp4", "--style=wave"], "style: wave: there is no such file"),
    ],
)
def test_what_does_not_fit_the_optimiser_is_told(run_here: Callable, flags: list[str], message: str) -> None:
    done = run_here("--style=sample:ink", *flags)
    assert done.returncode > 0 and message in done.stderr, done.stderr


@pytest.mark.large  # a minute or more
def test_ctrl_c_leaves_the_frames_that_there_are(folder: Path) -> None:
    command = [sys.executable, "-m", "nst_keras.cli.stylize", *FAST, "--size=700"]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    for line in process.stderr or ():
        if line.startswith("frame 1/40"):
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=100)
    assert process.returncode == 130, errors
    assert "stopped; the first " in errors
    assert 1 <= len(_frames(folder / "painted.mp4")) < 40


@pytest.mark.parametrize(
    "flags,code,message",
    [
        (["--output=painted.png"], 1, "the suffix must be one of .mp4, .mov, .mkv, .gif"),
        (["--from=clip.mp4"], 1, "clip.mp4: holds no settings"),
        (["--output=clip.mp4"], 1, "clip.mp4 is also an input"),
        (["--content=none.mp4"], 1, "there is no such file"),
        (["--content=text.mp4"], 1, "text.mp4: can't be read"),
        (["--content=text.mp4", "--output=new/"], 1, "text.mp4: can't be read"),
        (["--content=clip.mp4,clip.mp4"], 1, "must be a folder: 2 pictures go there"),
        (["--style=wave,wave", "--each_style", "--output="], 1, "two pictures would be written"),
        (["--style=monet"], 1, "knows the styles wave"),
        (["--size=20"], 1, "must be at least 16x16"),
        (["--steady=1"], 2, "--steady must be a finite number, at least 0 and below 1"),
        (["--resume"], 2, "--resume: only for the optimiser"),
        (["--content=small.npz", "--steady=0.5"], 2, "--steady works with videos only"),
    ],
)
def test_bad_input_is_named(
    run_here: Callable, folder: Path, flags: list[str], code: int, message: str
) -> None:
    (folder / "text.mp4").write_text("text")
    before = sorted(folder.iterdir())
    done = run_here(*FAST, *flags)
    assert done.returncode == code, done.stderr
    assert message in done.stderr and "Traceback" not in done.stderr
    assert sorted(folder.iterdir()) == before


def test_without_the_extra_it_says_what_to_install(
    run_here: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    done = run_here(*FAST)
    assert done.returncode == 1
    assert "pip install 'nst_keras[video]'" in done.stderr


@pytest.mark.parametrize("moving", [True, False])
def test_a_steady_video_flickers_less(folder: Path, photo: np.ndarray, moving: bool) -> None:
    """A panning camera, and one that stands still but has noise."""
    rng = np.random.default_rng(0)
    frames = _pan(photo, 8) if moving else [photo[:64, :96]] * 8
    noisy = [np.clip(frame + rng.normal(0, 3, frame.shape), 0, 255).astype(np.uint8) for frame in frames]
    painter = load_painter(str(folder / "small.npz"))
    flickers = []
    for steady in (0.0, VideoSettings.steady):
        paint = FramePainter(painter, painter.blend(["wave"]), VideoSettings(size=0, steady=steady))
        painted = [paint(frame).astype(float) for frame in noisy]
        differences = []
        for i, (before, after) in enumerate(itertools.pairwise(painted)):
            right, down = (1, (i + 1) // 2 - i // 2) if moving else (0, 0)
            height, width = after.shape[0] - down, after.shape[1] - right
            differences.append(np.abs(after[:height, :width] - before[down:, right:]).mean())
        flickers.append(np.mean(differences))
    assert flickers[1] < 0.6 * flickers[0]
