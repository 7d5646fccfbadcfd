import io
import pickle
from pathlib import Path

import numpy as np
import pytest

from nst_keras.errors import InputError
from nst_keras.models.vgg19_layout import CONV_SHAPES, VGG19Weights
from nst_keras.storage.cache import read_cached
from nst_keras.weights.quantized_vgg19 import QUANTIZED_VGG19, decode_quantized_vgg19

START = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2)


@pytest.fixture(scope="module")
def stream(real_weights: VGG19Weights) -> bytes:
    return read_cached(QUANTIZED_VGG19, print)


class Intruder:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return (io.open, (str(self.path), "w"))


def test_real_network(real_weights: VGG19Weights) -> None:
    shapes = {name: kernel.shape for name, (kernel, _) in real_weights.layers.items()}
    assert shapes == CONV_SHAPES
    for name, (kernel, bias) in real_weights.layers.items():
        assert kernel.dtype == bias.dtype == np.float32
        assert len(np.unique(kernel)) <= 256, name
        assert bias.shape == kernel.shape[3:]
    assert real_weights.mean_pixel == (123.68, 116.779, 103.939)
    assert "CC BY 4.0" in real_weights.licence


def test_code_in_a_pickle_is_not_run(tmp_path: Path) -> None:
    target = tmp_path / "touched"
    with pytest.raises(InputError, match=r"weights.bin.*asks for io.open, which is refused"):
        decode_quantized_vgg19(START + pickle.dumps(Intruder(target), 2), "weights.bin")
    assert not target.exists()


@pytest.mark.parametrize("name", ["os system", "torch load", "builtins eval", "torch._utils _x"])
def test_other_names_are_refused(name: str) -> None:
    module, function = name.split()
    call = f"c{module}\n{function}\n(S'true'\ntR.".encode()
    with pytest.raises(InputError, match=f"asks for {module}.{function}, which is refused"):
        decode_quantized_vgg19(START + call, "weights.bin")


@pytest.mark.parametrize("content", [b"", b"text", START, pickle.dumps(3, 2) * 5, b"PK\x03\x04zip"])
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(InputError, match=r"weights.bin: is not a readable torch stream"):
        decode_quantized_vgg19(content, "weights.bin")


@pytest.mark.parametrize("length", [100, 4000, 5700, 5740, 1_000_000, -1])
def test_truncated_stream(stream: bytes, length: int) -> None:
    with pytest.raises(InputError, match=r"weights.bin: is not a readable torch stream"):
        decode_quantized_vgg19(stream[:length], "weights.bin")


def test_size_in_the_file_is_not_trusted(stream: bytes) -> None:
    # The first storage starts with its element count; it must be that of its tensor.
    huge = stream[:5737] + (2**62).to_bytes(8, "little") + stream[5745:]
    with pytest.raises(InputError, match="elements instead of"):
        decode_quantized_vgg19(huge, "weights.bin")


def test_missing_tensor(stream: bytes) -> None:
    renamed = stream.replace(b"block3_conv2_b", b"block3_conv2_z", 1)
    with pytest.raises(InputError, match="block3_conv2_b' of layer conv3_2 is missing"):
        decode_quantized_vgg19(renamed, "weights.bin")
