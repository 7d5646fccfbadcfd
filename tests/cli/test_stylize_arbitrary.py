"""nst-stylize --fast by a stylizer of any painting, as a user runs it."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from absl.testing import flagsaver

import nst_keras.api as nst
from nst_keras.cli import stylize
from nst_keras.models.arbitrary_style import build_decoder
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.pictures.images import read_image, read_pixels, read_settings, write_image
from nst_keras.pictures.transparency import Pixels
from nst_keras.stylizers.arbitrary import painter as arbitrary_painter
from nst_keras.stylizers.arbitrary.file import ArbitraryStylizer, write_arbitrary_stylizer
from nst_keras.stylizers.arbitrary.painter import ArbitraryPainter
from nst_keras.stylizers.by_name import load_painter


@pytest.fixture(scope="module")
def stylizer_file(tmp_path_factory: pytest.TempPathFactory, real_weights: VGG19Weights) -> Path:
    """A small decoder whose pictures aren't flat, as after a training."""
    keras.utils.set_random_seed(0)
    decoder = build_decoder(width=0.125)
    for variable in decoder.weights:
        variable.assign(2 * variable)
    path = tmp_path_factory.mktemp("stylizer") / "any.npz"
    write_arbitrary_stylizer(path, ArbitraryStylizer(decoder, 0.125, 96, real_weights.digest))
    return path


@pytest.fixture(scope="module")
def painter(stylizer_file: Path) -> ArbitraryPainter:
    return load_painter(str(stylizer_file))


@pytest.fixture
def folder(tmp_path: Path, stylizer_file: Path, photo: np.ndarray) -> Path:
    (tmp_path / "any.npz").write_bytes(stylizer_file.read_bytes())
    write_image(tmp_path / "photo.png", photo)
    write_image(tmp_path / "red.png", _stripes((230, 60, 30), 24))
    write_image(tmp_path / "blue.png", _stripes((20, 90, 220), 6))
    return tmp_path


def _stripes(color: tuple[int, int, int], period: int) -> np.ndarray:
    x = np.arange(120)
    stripes = 0.5 + 0.5 * np.sign(np.sin(2 * np.pi * (x[:90, None] + x) / period))
    return (stripes[..., None] * color).astype(np.float32)


@pytest.fixture
def run_here(run_main: Callable, folder: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*flags: str) -> subprocess.CompletedProcess[str]:
        with flagsaver.flagsaver():
            return run_main(stylize.main, *flags)

    return run


FAST = ["--stylizer=any.npz", "--content=photo.png", "--style=red.png", "--size=64", "--output=out.png"]


def test_makes_a_picture_and_repeats_it_from_its_metadata(run_here: Callable, folder: Path) -> None:
    done = run_here(*FAST, "--style=red.png,blue.png", "--style_weights=3,1", "--strength=0.75")
    assert (done.returncode, done.stdout) == (0, "out.png\n"), done.stderr
    picture = read_image(folder / "out.png")
    assert picture.shape == (43, 64, 3)
    assert read_settings(folder / "out.png")["styles"] == ["red.png", "blue.png"]
    assert run_here("--from=out.png", "--output=again.png").returncode == 0
    np.testing.assert_array_equal(read_image(folder / "again.png"), picture)
    expected = nst.paint(
        folder / "photo.png",
        [folder / "red.png", read_image(folder / "blue.png")],
        style_weights=[3, 1],
        size=64,
        strength=0.75,
        stylizer=folder / "any.npz",
    )
    np.testing.assert_array_equal(picture, expected)


def test_a_blend_lies_between(painter: ArbitraryPainter, photo: np.ndarray) -> None:
    red, blue = _stripes((230, 60, 30), 24), _stripes((20, 90, 220), 6)
    ends = [painter.painted(photo, painter.blend([painting])) for painting in (red, blue)]
    middle = painter.painted(photo, painter.blend([red, blue], [1, 1]))
    apart = np.abs(ends[0] - ends[1]).mean()
    assert apart > 1
    assert all(0 < np.abs(middle - end).mean() < apart for end in ends)
    mostly = painter.painted(photo, painter.blend([red, blue], [9, 1]))
    assert np.abs(mostly - ends[0]).mean() < np.abs(middle - ends[0]).mean()


def test_any_size_in_one_piece_or_in_strips(
    painter: ArbitraryPainter, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    blend = painter.blend([_stripes((230, 60, 30), 24)])
    for height, width in ((16, 16), (17, 40), (101, 67)):
        assert painter.painted(photo[:height, :width], blend).shape == (height, width, 3)
    whole = painter.painted(photo, blend)
    monkeypatch.setattr(arbitrary_painter.ArbitraryPainter, "max_pixels_in_one_piece", 1000)
    np.testing.assert_allclose(painter.painted(photo, blend), whole, atol=0.1)


def test_colors_and_strength_mean_what_they_mean_elsewhere(photo: np.ndarray, stylizer_file: Path) -> None:
    options = {"size": 0, "stylizer": stylizer_file}
    red, muted = _stripes((230, 60, 30), 24), 100 + photo / 5  # so that nothing is clipped
    np.testing.assert_array_equal(nst.paint(photo, red, strength=0, **options), np.rint(photo))
    kept = nst.paint(muted, red, preserve_color=True, **options).astype(float)
    inside = (kept > 0).all(-1) & (kept < 255).all(-1)
    assert inside.mean() > 0.5
    for a, b in ((0, 1), (1, 2)):  # differences of channels are the colour
        wanted = (muted[..., a] - muted[..., b])[inside]
        np.testing.assert_allclose((kept[..., a] - kept[..., b])[inside], wanted, atol=1.01)


def test_a_folder_skips_what_is_done_unless_the_painting_changed(run_here: Callable, folder: Path) -> None:
    (folder / "paintings").mkdir()
    for name in ("red.png", "blue.png"):
        (folder / name).rename(folder / "paintings" / name)
    (folder / "out").mkdir()
    flags = [*FAST, "--style=paintings", "--each_style", "--output=out"]
    assert run_here(*flags).returncode == 0
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["photo_blue.png", "photo_red.png"]
    write_image(folder / "paintings" / "red.png", _stripes((0, 200, 0), 12))
    done = run_here(*flags)
    assert done.returncode == 0 and done.stderr.count("done already") == 1


def test_a_folder_of_photos_decodes_each_picture_once(
    run_here: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "photos").mkdir()
    for name in ("a.png", "b.png"):
        (folder / "photos" / name).write_bytes((folder / "photo.png").read_bytes())
    (folder / "out").mkdir()
    names: list[str] = []

    def counted(path: str) -> Pixels:
        names.append(Path(path).name)
        return read_pixels(path)

    monkeypatch.setattr("nst_keras.pictures.by_name.read_pixels", counted)
    flags = [*FAST, "--content=photos", "--style=red.png,blue.png", "--output=out"]
    assert run_here(*flags).returncode == 0
    assert names == ["red.png", "blue.png", "a.png", "b.png"]


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (["--style=starry_night"], 1, "style: starry_night: there is no such file"),
        (["--style=any.npz"], 1, "style: any.npz: is not a picture"),
        (
            ["--style=tiny.png"],
            1,
            "tiny.png: a painting must be at least 16x16 pixels. Received: 40x9",
        ),
        (["--style=red.png,blue.png", "--style_weights=1"], 1, "1 weights for 2 style images"),
        (["--content=tiny.png"], 1, "the content image is 40x9 pixels but must be at least 16x16"),
        (["--output=red.png"], 1, "red.png is also an input"),
        (["--vgg=8bit"], 2, "--vgg: only for the optimiser"),
        (["--stylizer=magenta26"], 1, "magenta26 knows the styles style0, style1"),
    ],
)
def test_bad_input_is_named_and_leaves_nothing(
    run_here: Callable, folder: Path, flags: list[str], code: int, message: str
) -> None:
    write_image(folder / "tiny.png", np.zeros((9, 40, 3)))
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    done = run_here(*FAST, *flags)
    assert done.returncode == code, done.stderr
    assert message in done.stderr and "Traceback" not in done.stderr
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_pictures_are_no_names(photo: np.ndarray) -> None:
    with pytest.raises(nst.InputError, match=r"knows the styles .* Received: a picture"):
        nst.Stylizer()(photo, photo)


def test_a_video(run_here: Callable, folder: Path, photo: np.ndarray) -> None:
    av = pytest.importorskip("av")
    with av.open(str(folder / "clip.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        for left in range(3):
            picture = photo[:64, left : left + 96].astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    done = run_here(*FAST, "--content=clip.mp4", "--output=painted.mp4")
    assert (done.returncode, done.stdout) == (0, "painted.mp4\n"), done.stderr
    with av.open(str(folder / "painted.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 3
