"""The list of architectures: one row each, and nothing else in the house tells them apart."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nst_keras
from nst_keras.errors import InputError
from nst_keras.models.arbitrary_style import build_decoder
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.stylizers.arbitrary.file import (
    ArbitraryStylizer,
    read_arbitrary_stylizer,
    write_arbitrary_stylizer,
)
from nst_keras.stylizers.architecture import (
    ARCHITECTURES,
    architecture_of,
    architecture_trained_by,
    load_painter,
    require_architecture,
    stylizer_digest,
)
from nst_keras.stylizers.archive import read_archive, write_archive
from nst_keras.stylizers.training.plan import TRAINABLE, settings_for
from nst_keras.weights.quantized_vgg19 import QUANTIZED_VGG19


def test_nothing_but_its_row_and_its_folder_knows_an_architecture() -> None:
    root = Path(nst_keras.__file__).parent
    names = re.compile(rf"\b({'|'.join(ARCHITECTURES)})\b")
    # Of an old file, the header doesn't say what it is.
    known = {root / "stylizers" / name for name in ("architecture.py", "archive.py")}
    rooms = (*(root / name for name in ("cli", "export", "serving", "stylizers")), root.parent / "pipelines")
    paths = [path for room in rooms for path in room.rglob("*.py") if path.parent.name not in ARCHITECTURES]
    assert len(paths) > 100
    assert not [path for path in paths if path not in known and names.search(path.read_text())]


def test_the_package_s_own_stylizer_names_its_styles() -> None:
    own = architecture_of()
    assert own.named_styles
    painter = load_painter()
    assert {"starry_night", "great_wave"} <= set(painter.styles)
    painting = np.zeros([64, 64, 3], np.float32)
    with pytest.raises(InputError, match=r"the package's stylizer knows the styles .*Received: a picture"):
        painter.blend([painting])


def test_a_painter_s_digest_is_known_without_its_network(
    tmp_path: Path, random_weights: VGG19Weights
) -> None:
    decoder = build_decoder(width=0.125)
    digest = f"sha256:{QUANTIZED_VGG19.sha256}"
    write_arbitrary_stylizer(tmp_path / "any.npz", ArbitraryStylizer(decoder, 0.125, 64, digest))
    read = read_arbitrary_stylizer(tmp_path / "any.npz")
    assert stylizer_digest(str(tmp_path / "any.npz")) == read.digest(replace(random_weights, digest=digest))
    assert stylizer_digest() == load_painter().digest


def test_a_file_of_another_architecture_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    header, weights = read_archive("")
    write_archive(tmp_path / "other.npz", header | {"architecture": "other"}, weights)
    with pytest.raises(InputError, match=r"other\.npz: has the unknown architecture other"):
        load_painter(str(tmp_path / "other.npz"))
    for row in ARCHITECTURES.values():
        if row is not architecture_of():
            with pytest.raises(InputError, match=f"must be {row.title}; is {architecture_of().title}"):
                require_architecture("", row)
    (tmp_path / "bad.npz").write_text("text")
    with pytest.raises(InputError, match=r"bad\.npz: isn't a stylizer, or is damaged"):
        architecture_of(tmp_path / "bad.npz")


@pytest.mark.parametrize("name", TRAINABLE)
def test_settings_are_those_of_the_architecture(name: str) -> None:
    settings = settings_for(name, {"num_steps": 3, "seed": None})
    assert settings == TRAINABLE[name](num_steps=3)
    assert architecture_trained_by(settings) is ARCHITECTURES[name]


@pytest.mark.parametrize(
    ("architecture", "changes", "message"),
    [
        ("arbitrary", {"warmup": 0.1}, "warmup is for architecture=multi_style only"),
        ("multi_style", {"decay": 0.1}, "decay is for architecture=arbitrary only"),
        ("arbitrary", {"crop_size": 8}, "crop_size must be a whole number, at least 64"),
        ("other", {}, "architecture must be one of multi_style, arbitrary"),
    ],
)
def test_bad_settings_are_named(architecture: str, changes: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        settings_for(architecture, changes)
