"""Stylizers of any painting as files: what is written comes back, others are named."""

import io
import json
from pathlib import Path

import keras
import numpy as np
import pytest

from nst_keras.errors import InputError
from nst_keras.models.arbitrary_style import build_decoder
from nst_keras.models.multi_style import multi_style
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.stylizers.arbitrary.encoder import load_encoder
from nst_keras.stylizers.arbitrary.file import (
    ArbitraryStylizer,
    read_arbitrary_stylizer,
    write_arbitrary_stylizer,
)
from nst_keras.stylizers.by_name import architecture_of
from nst_keras.stylizers.multi_style.file import MultiStyleStylizer, read_stylizer, write_stylizer


@pytest.fixture
def stylizer(real_weights: VGG19Weights) -> ArbitraryStylizer:
    keras.utils.set_random_seed(0)
    return ArbitraryStylizer(build_decoder(width=0.125), 0.125, 256, real_weights.digest, {"steps": 7})


def test_what_is_written_comes_back(stylizer: ArbitraryStylizer, tmp_path: Path) -> None:
    path = tmp_path / "arbitrary.npz"
    write_arbitrary_stylizer(path, stylizer)
    assert architecture_of(path).name == "arbitrary"
    back = read_arbitrary_stylizer(path)
    for name in ("width", "style_size", "encoder", "card"):
        assert getattr(back, name) == getattr(stylizer, name)
    code = np.random.default_rng(0).uniform(0, 2000, (1, 6, 5, 512)).astype(np.float32)
    # Half of a 255th: rounding the weights to 16 bits isn't seen.
    np.testing.assert_allclose(back.decoder(code), stylizer.decoder(code), atol=0.5)
    assert path.stat().st_size < 2.1 * sum(np.size(weight) for weight in stylizer.decoder.get_weights())


def test_each_kind_is_told_from_the_other(stylizer: ArbitraryStylizer, tmp_path: Path) -> None:
    any_painting, named = tmp_path / "any.npz", tmp_path / "named.npz"
    write_arbitrary_stylizer(any_painting, stylizer)
    write_stylizer(named, MultiStyleStylizer(multi_style(1, width=0.125), ("wave",), 0.125))
    assert [architecture_of(path).name for path in ("", named)] == ["multi_style"] * 2
    with pytest.raises(InputError, match=r"any\.npz: must be multi_style. Received: arbitrary"):
        read_stylizer(any_painting)
    with pytest.raises(InputError, match=r"named\.npz: must be arbitrary. Received: multi_style"):
        read_arbitrary_stylizer(named)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "has format 99; this version reads 2: train"),
        ({"architecture": "other"}, "must be arbitrary. Received: other"),
        ({"width": 0.25}, "isn't a stylizer, or is damaged"),
        ({"width": 0}, "isn't a stylizer, or is damaged"),
        ({"style_size": None}, "isn't a stylizer, or is damaged"),
    ],
)
def test_damaged_files_are_named(
    stylizer: ArbitraryStylizer, tmp_path: Path, change: dict, message: str
) -> None:
    path = tmp_path / "bad.npz"
    write_arbitrary_stylizer(path, stylizer)
    with np.load(io.BytesIO(path.read_bytes())) as archive:
        arrays = dict(archive)
    arrays["header"] = np.array(json.dumps({**json.loads(str(arrays["header"])), **change}))
    np.savez(path, **arrays)
    with pytest.raises(InputError, match=message) as raised:
        read_arbitrary_stylizer(path)
    assert str(raised.value).startswith(str(path))


def test_another_encoder_is_told_of(stylizer: ArbitraryStylizer, real_weights: VGG19Weights) -> None:
    notes: list[str] = []
    assert load_encoder(stylizer.encoder, notes.append).digest == real_weights.digest
    assert not notes
    load_encoder("md5:0123", notes.append)
    assert len(notes) == 1 and "trained with other weights of VGG-19, md5:0123" in notes[0]
