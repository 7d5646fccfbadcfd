"""Which stylizer a name stands for, and what is known of it without its network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nst_keras.errors import InputError
from nst_keras.models.arbitrary_style import build_decoder
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.stylizers.arbitrary.file import (
    ArbitraryStylizer,
    read_arbitrary_stylizer,
    write_arbitrary_stylizer,
)
from nst_keras.stylizers.architecture import ARCHITECTURES
from nst_keras.stylizers.archive import read_archive, write_archive
from nst_keras.stylizers.by_name import architecture_of, load_painter, require_architecture, stylizer_digest
from nst_keras.weights.quantized_vgg19 import QUANTIZED_VGG19


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
