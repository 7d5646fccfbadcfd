"""nst-stylize --fast as a user runs it: pictures, folders, repetition, errors."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from absl.testing import flagsaver

import nst_keras.api as nst
from nst_keras.cli import common, stylize
from nst_keras.models.multi_style import multi_style
from nst_keras.pictures.images import read_image, read_pixels, read_settings, write_image
from nst_keras.stylizers.by_name import load_painter
from nst_keras.stylizers.multi_style.file import MultiStyleStylizer, write_stylizer
from nst_keras.stylizers.multi_style.painter import MultiStylePainter
from nst_keras.stylizers.settings import FastSettings


@pytest.fixture(scope="module")
def stylizer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network whose styles differ, as after a training."""
    keras.utils.set_random_seed(0)
    model = multi_style(3, width=0.125)
    rng = np.random.default_rng(0)
    for variable in model.weights:
        if variable.name in ("gamma", "beta"):
            variable.assign(variable + 0.3 * rng.standard_normal(variable.shape))
    path = tmp_path_factory.mktemp("stylizer") / "small.npz"
    write_stylizer(path, MultiStyleStylizer(model, ("wave", "night", "storm"), 0.125))
    return path


@pytest.fixture
def folder(tmp_path: Path, stylizer_file: Path, photo: np.ndarray) -> Path:
    (tmp_path / "small.npz").write_bytes(stylizer_file.read_bytes())
    write_image(tmp_path / "photo.png", photo)
    return tmp_path


@pytest.fixture
def run_here(folder: Path, run_main: Callable) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*flags: str) -> subprocess.CompletedProcess[str]:
        with flagsaver.flagsaver():
            return run_main(stylize.main, *flags)

    return run


FAST = ["--stylizer=small.npz", "--content=photo.png", "--style=wave", "--size=64", "--output=out.png"]


def test_makes_a_picture_and_repeats_it_from_its_metadata(run_here: Callable, folder: Path) -> None:
    flags = [*FAST, "--style=wave,night", "--style_weights=3,1", "--strength=0.75"]
    done = run_here(*flags)
    assert (done.returncode, done.stdout) == (0, "out.png\n"), done.stderr
    picture = read_image(folder / "out.png")
    assert picture.shape == (43, 64, 3)
    record = read_settings(folder / "out.png")
    assert record["settings"] == {
        "size": 64,
        "strength": 0.75,
        "preserve_color": "none",
        "color_strength": 1.0,
        "precision": "float32",
        "passes": None,
    }
    assert (record["styles"], record["style_weights"]) == (["wave", "night"], [3.0, 1.0])
    assert run_here("--from=out.png", "--output=again.png").returncode == 0
    np.testing.assert_array_equal(read_image(folder / "again.png"), picture)
    assert run_here("--from=out.png", "--output=other.png", "--size=32", "--strength=1").returncode == 0
    assert read_settings(folder / "other.png")["settings"]["strength"] == 1
    assert read_image(folder / "other.png").shape == (21, 32, 3)
    expected = nst.paint(
        str(folder / "photo.png"),
        ["wave", "night"],
        style_weights=[3, 1],
        size=64,
        strength=0.75,
        stylizer=folder / "small.npz",
    )
    np.testing.assert_array_equal(picture, expected)


def test_each_region_is_painted_in_its_own_style(run_here: Callable, folder: Path, photo: np.ndarray) -> None:
    height, width = photo.shape[:2]
    mask = np.zeros((height, width, 3))
    mask[:, width // 2 :] = 255
    write_image(folder / "mask.png", mask)
    both = [*FAST, "--style=wave,night", "--content_mask=mask.png"]
    assert run_here(*both, "--style_mask=black,white").returncode == 0
    picture = read_image(folder / "out.png")
    for style, half in (("wave", np.s_[:, :31]), ("night", np.s_[:, 33:])):
        assert run_here(*FAST, f"--style={style}", "--output=one.png").returncode == 0
        np.testing.assert_allclose(picture[half], read_image(folder / "one.png")[half], atol=1)
    assert run_here("--from=out.png", "--output=again.png").returncode == 0
    np.testing.assert_array_equal(read_image(folder / "again.png"), picture)
    in_python = nst.paint(
        folder / "photo.png",
        ["wave", "night"],
        stylizer=folder / "small.npz",
        size=64,
        content_mask=folder / "mask.png",
        style_mask=["black", "white"],
    )
    np.testing.assert_array_equal(in_python, picture)
    assert run_here(*FAST, "--content_mask=mask.png").returncode == 0
    kept = read_image(folder / "out.png")
    assert run_here(*FAST, "--strength=0", "--output=photo64.png").returncode == 0
    np.testing.assert_allclose(kept[:, :31], read_image(folder / "photo64.png")[:, :31], atol=1)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--style_mask=black,red"], "content_mask must have a region red"),
        (["--style_mask=black,mask.png"], "style_mask must be of black, white, red"),
        (["--content_mask=none.png"], "mask: none.png: there is no such file"),
        (["--content_mask=", "--style_mask=black,white"], "style_mask needs a content_mask"),
    ],
)
def test_bad_masks_are_told(run_here: Callable, folder: Path, flags: list[str], message: str) -> None:
    mask = np.zeros((107, 160, 3))
    mask[:, 80:] = 255
    write_image(folder / "mask.png", mask)
    refused = run_here(*FAST, "--style=wave,night", "--content_mask=mask.png", *flags)
    assert refused.returncode == 1 and message in refused.stderr, refused.stderr
    assert not (folder / "out.png").exists()


def test_a_style_of_the_package_s_own_stylizer(run_here: Callable, folder: Path) -> None:
    done = run_here("--fast", "--content=photo.png", "--style=starry_night", "--output=out.png")
    assert done.returncode == 0, done.stderr
    assert read_image(folder / "out.png").shape == (107, 160, 3)  # not enlarged


@pytest.mark.parametrize(
    "size,shape", [(None, (683, 1024)), (0, (1000, 1500)), (1200, (800, 1200)), (2000, (1333, 2000))]
)
def test_a_large_photo_is_made_smaller_unless_a_size_is_given(
    stylizer_file: Path, size: int | None, shape: tuple[int, int]
) -> None:
    painter = load_painter(str(stylizer_file))
    assert painter.painted_size(np.zeros([1000, 1500, 3], np.uint8), FastSettings(size=size)) == shape


def test_bfloat16_paints_nearly_the_same(run_here: Callable, folder: Path, has_bfloat16: bool) -> None:
    flags = ["--fast", "--engine=tensorflow", "--content=photo.png", "--style=night_cafe", "--size=0"]
    pictures = []
    for precision in ("float32", "mixed_bfloat16"):
        done = run_here(*flags, f"--precision={precision}", f"--output={precision}.png")
        assert done.returncode == 0, done.stderr
        pictures.append(read_image(folder / f"{precision}.png"))
    assert np.abs(pictures[0] - pictures[1]).mean() < 1
    assert np.array_equal(*pictures) is not has_bfloat16
    assert read_settings(folder / "mixed_bfloat16.png")["settings"]["precision"] == "mixed_bfloat16"


def test_strength_goes_from_the_photo_to_the_painting(photo: np.ndarray, stylizer_file: Path) -> None:
    def paint(strength: float) -> np.ndarray:
        return nst.paint(photo, "wave", size=0, strength=strength, stylizer=stylizer_file).astype(float)

    none, half, full = paint(0), paint(0.5), paint(1)
    np.testing.assert_array_equal(none, np.rint(photo))
    np.testing.assert_allclose(half, (none + full) / 2, atol=1.01)


def test_kept_colors_are_the_photo_s(photo: np.ndarray, stylizer_file: Path) -> None:
    muted = 100 + photo / 5  # so that nothing is clipped
    kept = nst.paint(muted, "wave", size=0, preserve_color=True, stylizer=stylizer_file).astype(float)
    inside = (kept > 0).all(-1) & (kept < 255).all(-1)
    assert inside.mean() > 0.5
    for a, b in ((0, 1), (1, 2)):  # differences of channels are the colour
        wanted = (muted[..., a] - muted[..., b])[inside]
        np.testing.assert_allclose((kept[..., a] - kept[..., b])[inside], wanted, atol=1.01)
    assert np.abs(kept - muted).mean() > 5


def test_a_large_picture_equals_one_in_one_piece(
    photo: np.ndarray, stylizer_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = nst.paint(photo, "storm", size=0, stylizer=stylizer_file)
    monkeypatch.setattr(MultiStylePainter, "max_pixels_in_one_piece", 1000)
    strips = nst.paint(photo, "storm", size=0, stylizer=stylizer_file)
    assert np.abs(strips.astype(int) - whole).max() <= 1


def test_folders_times_styles_skips_what_is_done_and_goes_on_after_a_bad_file(
    run_here: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "photos").mkdir()
    (folder / "wave").mkdir()  # a folder that is named as a style is
    (folder / "photo.png").rename(folder / "photos" / "good.png")
    (folder / "photos" / "bad.png").write_text("text")
    (folder / "out").mkdir()
    flags = [*FAST, "--content=photos", "--style=wave,storm", "--each_style", "--output=out"]
    done = run_here(*flags)
    assert done.returncode == 1
    assert "photos/bad.png: is not a picture" in done.stderr
    assert "2 of 4 pictures could not be made" in done.stderr
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["good_storm.png", "good_wave.png"]
    assert run_here(*flags).stderr.count("done already") == 2
    assert run_here(*flags, "--strength=0.5").stderr.count("done already") == 0
    (folder / "photos" / "bad.png").unlink()

    def starts() -> None:
        raise AssertionError

    monkeypatch.setattr(common, "import_tensorflow_quietly", starts)
    assert run_here(*flags, "--strength=0.5").stderr.count("done already") == 2


def test_a_picture_repeated_by_another_stylizer_says_so(run_here: Callable, folder: Path) -> None:
    assert run_here(*FAST).returncode == 0
    write_stylizer(folder / "other.npz", MultiStyleStylizer(multi_style(1, width=0.125), ("wave",), 0.125))
    done = run_here("--from=out.png", "--stylizer=other.npz", "--output=again.png")
    assert done.returncode == 0, done.stderr
    assert "made by another stylizer, sha256:" in done.stderr


@pytest.mark.parametrize(
    "flags,code,message",
    [
        (["--style=monet"], 1, "style: small.npz knows the styles wave, night, storm. Received: monet"),
        (["--style=wave,night", "--style_weights=1"], 1, "1 weights for 2 style images"),
        (["--style_weights=-1"], 1, "style_weights must be finite, at least 0"),
        (["--content=none.png"], 1, "content: none.png: there is no such file"),
        (["--content=thin.png"], 1, "the content image is 400x3 pixels but must be at least 16x16"),
        (["--content=long.png", "--size=32"], 1, "would be 32x2 pixels but must be at least 16x16"),
        (["--output=photo.png"], 1, "photo.png is also an input"),
        (["--output=small.npz"], 1, "the suffix must be one of"),
        (["--output=nowhere/out.png"], 1, "nowhere does not exist"),
        (["--stylizer=photo.png"], 1, "photo.png: isn't a stylizer"),
        (["--stylizer=none.npz"], 1, "none.npz: does not exist"),
        (["--strength=1.5"], 2, "--strength must be a finite number, from 0 to 1. Received: strength=1.5"),
        (["--strength=nan"], 2, "--strength must be a finite number, from 0 to 1"),
        (["--size=-1"], 2, "--size must be a whole number, at least 0"),
        (["--num_steps=5", "--resume"], 2, "--num_steps, --resume: only for the optimiser"),
        (["--vgg=8bit"], 2, "--vgg: only for the optimiser"),
        (["--nofast"], 2, "--nofast contradicts --stylizer"),
        (["--from=optimised.png"], 2, "made by the optimiser"),
        (["--precision=float16", "--style=wave"], 2, "--precision must be one of float32, mixed_bfloat16"),
    ],
)
def test_bad_input_is_named_and_leaves_nothing(
    run_here: Callable, folder: Path, flags: list[str], code: int, message: str
) -> None:
    write_image(folder / "thin.png", np.zeros((3, 400, 3)))
    write_image(folder / "long.png", np.zeros((20, 320, 3)))
    record = {"content": "photo.png", "styles": ["a.png"], "style_weights": [1.0], "settings": {}}
    write_image(folder / "optimised.png", np.zeros((20, 20, 3)), record)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    done = run_here(*FAST, *flags)
    assert done.returncode == code, done.stderr
    assert message in done.stderr and "Traceback" not in done.stderr
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_precision_is_not_the_optimiser_s(run_here: Callable) -> None:
    done = run_here("--content=photo.png", "--style=photo.png", "--precision=float32")
    assert done.returncode == 2 and "--precision works with --fast only" in done.stderr


def test_transparency_is_kept_where_the_format_can(run_here: Callable, folder: Path) -> None:
    alpha = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (43, 1))
    content = np.dstack([np.full([43, 64, 3], 90, np.uint8), alpha])
    write_image(folder / "cut.png", content)
    for name in ("out.png", "out.webp", "out.tif"):
        assert run_here(*FAST, "--content=cut.png", f"--output={name}").returncode == 0
        np.testing.assert_allclose(read_pixels(folder / name).alpha, alpha, atol=2)
    done = run_here(*FAST, "--content=cut.png", "--output=out.jpg")
    assert "JPEG keeps no transparency" in done.stderr
    assert read_image(folder / "out.jpg")[:, 0].min() > 235


def test_pictures_keep_names_of_files_without_their_folders(run_here: Callable, folder: Path) -> None:
    (folder / "private").mkdir()
    for name in ("photo.png", "small.npz"):
        (folder / name).rename(folder / "private" / name)
    flags = [
        "--stylizer=private/small.npz",
        f"--content={folder}/private/photo.png",
        "--style=wave",
        "--size=64",
    ]
    assert run_here(*flags, "--output=names.png").returncode == 0
    record = read_settings(folder / "names.png")
    assert (record["content"], record["stylizer"]) == ("photo.png", "small.npz")
    assert str(folder) not in json.dumps(record) and "private" not in json.dumps(record)
    assert run_here(*flags, "--output=full.png", "--metadata=full").returncode == 0
    assert read_settings(folder / "full.png")["content"] == f"{folder}/private/photo.png"
    assert run_here(*flags, "--output=none.png", "--metadata=none").returncode == 0
    done = run_here("--from=none.png")
    assert done.returncode == 1 and "holds no settings" in done.stderr
    # Full paths are found wherever the picture is; names beside it, or where the flags say.
    for flags in (
        ["--from=full.png"],
        ["--from=names.png", "--stylizer=private/small.npz", "--content=private/photo.png"],
    ):
        assert run_here(*flags, "--output=again.png").returncode == 0
        np.testing.assert_array_equal(read_image(folder / "again.png"), read_image(folder / "names.png"))
    done = run_here("--from=names.png", "--output=again.png")
    assert done.returncode == 1
    assert (
        "names.png: was made with photo.png, which is neither here nor beside it; say --content"
        in done.stderr
    )
    (folder / "names.png").rename(folder / "private" / "names.png")
    done = run_here("--from=private/names.png", "--output=beside.png")
    assert done.returncode == 0, done.stderr
    done = run_here(*FAST, "--stylizer=private/small.npz", "--metadata=some")
    assert done.returncode == 2 and "--metadata must be one of full, names, none" in done.stderr
