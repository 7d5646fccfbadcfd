"""Stylizers on onnxruntime paint what TensorFlow paints, and load none of it."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from absl.testing import flagsaver

from nst_keras.cli import stylize
from nst_keras.errors import InputError
from nst_keras.pictures.finishing import rounded
from nst_keras.pictures.images import write_image
from nst_keras.storage.cache import CACHE_VARIABLE
from nst_keras.stylizers.by_name import load_painter
from nst_keras.stylizers.engines.settings import ONNXRUNTIME, TENSORFLOW
from nst_keras.stylizers.multi_style.painter import MultiStylePainter
from nst_keras.stylizers.settings import FastSettings

if importlib.util.find_spec("onnxruntime") is None:
    pytest.skip("needs onnxruntime", allow_module_level=True)


@pytest.mark.parametrize(
    ("stylizer", "names"),
    [
        ("", ["great_wave", "storm"]),
        ("magenta", []),
        pytest.param("magenta26", ["style19", "style3"], marks=pytest.mark.large),
    ],
)
def test_pictures_are_those_of_tensorflow(
    magenta_weights: None, photo: np.ndarray, stylizer: str, names: list[str]
) -> None:
    light, other = (load_painter(stylizer, engine) for engine in (ONNXRUNTIME, TENSORFLOW))
    assert (light.styles, light.digest) == (other.styles, other.digest)
    styles = (
        [light.styles[0], light.styles[-1]] if light.styles else [photo[::-1, :90], photo[:80, 80:, ::-1]]
    )
    for weights, settings in (
        ((1, 0), FastSettings()),
        ((3, 1), FastSettings(size=97, strength=0.6)),
        ((1, 1), FastSettings(size=203, preserve_color="luma", color_strength=0.8)),
        ((1, 1), FastSettings(strength=0.1, precision="mixed_bfloat16")),
    ):
        if settings.precision != FastSettings.precision:
            light = load_painter(stylizer)  # leaves that to TensorFlow
        pictures = [
            rounded(painter.paint(photo, painter.blend(styles, weights), settings)).astype(int)
            for painter in (light, other)
        ]
        assert np.abs(pictures[0] - pictures[1]).max() <= 1
        assert np.abs(pictures[0] - photo[0, 0]).mean() > 5


def test_from_the_second_time_on_tensorflow_is_not_loaded(
    run_main: Callable, tmp_path: Path, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    write_image(tmp_path / "photo.png", photo)
    flags = ["--fast", "--content=photo.png", "--style=starry_night", "--size=64"]
    with flagsaver.flagsaver():
        first = run_main(stylize.main, *flags, "--output=first.png")
    assert first.returncode == 0 and first.stderr.count("preparing the stylizer for onnxruntime") == 1
    code = (
        "import sys, nst_keras.api as nst; from nst_keras.cli.stylize import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "assert nst.paint('photo.png', 'starry_night', size=64).shape == (43, 64, 3)\n"
        "assert not {'tensorflow', 'keras', 'scipy', 'sklearn', 'matplotlib'} & {*sys.modules}"
    )
    command = [sys.executable, "-c", code, *flags, "--engine=onnxruntime", "--output=second.png"]
    second = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (second.returncode, second.stdout, second.stderr) == (0, "second.png\n", "")
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()


def test_what_it_does_not_do_is_told_if_it_is_forced(
    photo: np.ndarray, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    painter = load_painter("", ONNXRUNTIME)
    blend = painter.blend(["great_wave"])
    with pytest.raises(
        InputError, match="engine onnxruntime doesn't paint in mixed_bfloat16; tensorflow does"
    ):
        painter.paint(photo, blend, FastSettings(precision="mixed_bfloat16"))
    monkeypatch.setattr(MultiStylePainter, "max_pixels_in_one_piece", 1000)
    with pytest.raises(
        InputError, match="engine onnxruntime doesn't paint 160x107 pixels at once; tensorflow"
    ):
        painter.paint(photo, blend, FastSettings())
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"isn't installed: pip install 'nst_keras\[light\]'"):
        load_painter("", ONNXRUNTIME)
    with pytest.raises(InputError, match="engine must be one of auto, tensorflow, onnxruntime"):
        load_painter("", "torch")
