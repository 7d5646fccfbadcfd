"""Stylizers as files: what is written comes back, what is damaged is named."""

import io
import json
from pathlib import Path

import keras
import numpy as np
import pytest

from nst_keras.errors import InputError
from nst_keras.models.multi_style import multi_style
from nst_keras.stylizers.archive import SHIPPED
from nst_keras.stylizers.multi_style.file import MultiStyleStylizer, read_stylizer, write_stylizer


@pytest.fixture
def stylizer() -> MultiStyleStylizer:
    keras.utils.set_random_seed(0)
    return MultiStyleStylizer(
        multi_style(2, width=0.125), ("wave", "night"), 0.125, {"licence": "CC0", "steps": 7}
    )


def test_what_is_written_comes_back(stylizer: MultiStyleStylizer, photo: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "stylizer.npz"
    write_stylizer(path, stylizer)
    back = read_stylizer(path)
    assert (back.styles, back.width, back.card) == (stylizer.styles, stylizer.width, stylizer.card)
    inputs = {"image": photo[None], "style_weights": np.array([[0.3, 0.7]], np.float32)}
    # Half of a 255th: rounding the weights to 16 bits isn't seen.
    np.testing.assert_allclose(back.model(inputs), stylizer.model(inputs), atol=0.5)
    write_stylizer(tmp_path / "again.npz", back)
    for one, two in zip(back.model.weights, read_stylizer(tmp_path / "again.npz").model.weights, strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_package_s_own_stylizer_paints(photo: np.ndarray) -> None:
    stylizer = read_stylizer()
    assert len(stylizer.styles) >= 4
    assert len(SHIPPED.read_bytes()) < 2e6
    weights = np.eye(len(stylizer.styles), dtype=np.float32)
    pictures = np.asarray(
        stylizer.model({"image": np.repeat(photo[None], len(weights), 0), "style_weights": weights})
    )
    for number, picture in enumerate(pictures):
        # A picture in each style, neither the photo nor one that another style gave.
        assert np.abs(picture - photo).mean() > 10
        assert all(np.abs(picture - other).mean() > 10 for other in pictures[number + 1 :])


@pytest.mark.parametrize(
    "change,message",
    [
        (b"", "isn't a stylizer"),
        (b"this is no archive", "isn't a stylizer"),
        ("cut", "isn't a stylizer"),
        ({"format": 99}, "has format 99"),
        ({"width": 0.25}, "isn't a stylizer"),
        ({"styles": ["one"]}, "isn't a stylizer"),
        ({"styles": None}, "isn't a stylizer"),
    ],
)
def test_files_that_are_no_stylizers_are_named(
    stylizer: MultiStyleStylizer, tmp_path: Path, change: bytes | str | dict, message: str
) -> None:
    path = tmp_path / "bad.npz"
    write_stylizer(path, stylizer)
    data = path.read_bytes()
    if isinstance(change, bytes):
        data = change
    elif change == "cut":
        data = data[:1000]
    else:
        with np.load(io.BytesIO(data)) as archive:
            arrays = dict(archive)
        arrays["header"] = np.array(json.dumps({**json.loads(str(arrays["header"])), **change}))
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        data = buffer.getvalue()
    path.write_bytes(data)
    with pytest.raises(InputError, match=message) as raised:
        read_stylizer(path)
    assert str(raised.value).startswith(str(path))


def test_a_file_of_an_earlier_version_is_told_from_a_damaged_one(
    stylizer: MultiStyleStylizer, tmp_path: Path
) -> None:
    path = tmp_path / "earlier.npz"
    write_stylizer(path, stylizer)
    with np.load(path) as archive:
        arrays = dict(archive)
    header = {**json.loads(str(arrays["header"])), "format": 1}
    del header["architecture"]
    np.savez(path, **{**arrays, "header": np.array(json.dumps(header))})
    with pytest.raises(InputError, match=r"earlier\.npz: has format 1; this version reads 3: train .* anew"):
        read_stylizer(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.npz: does not exist"):
        read_stylizer(str(tmp_path / "none.npz"))
