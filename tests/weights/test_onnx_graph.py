"""Files are written here as onnx.proto says, so that the reader is compared with the format."""

import numpy as np
import pytest

from nst_keras.errors import InputError
from nst_keras.weights.onnx_graph import convolutions, read_onnx

TYPES = {"float32": 1, "int8": 3, "int32": 6, "int64": 7, "float64": 11}


def number(value: int) -> bytes:
    ends = [128 | value >> shift & 127 for shift in range(0, max(1, value.bit_length()), 7)]
    return bytes([*ends[:-1], ends[-1] & 127])


def field(key: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return number(key << 3) + number(value)
    data = value.encode() if isinstance(value, str) else value
    return number(key << 3 | 2) + number(len(data)) + data


def tensor(name: str, array: np.ndarray, *, packed: bool = False) -> bytes:
    dims = b"".join(map(number, array.shape))
    shape = field(1, dims) if packed else b"".join(field(1, side) for side in array.shape)
    return field(5, shape + field(2, TYPES[array.dtype.name]) + field(8, name) + field(9, array.tobytes()))


def node(op_type: str, inputs: str, output: str, **attributes: int) -> bytes:
    body = b"".join(field(1, name) for name in inputs.split()) + field(2, output) + field(4, op_type)
    for name, value in attributes.items():
        body += field(5, field(1, name) + field(3, value) + field(20, 2))
    return field(1, body)


def model(*parts: bytes) -> bytes:
    version, opset = field(1, 8), field(8, field(2, 15))
    return version + field(7, b"".join([*parts, field(2, "graph")])) + opset


KERNEL = np.arange(-12, 12, dtype=np.int8).reshape(2, 3, 2, 2)
SCALE = np.array([0.5, 2.0], np.float32)
QUANTIZED = (
    tensor("kernel", KERNEL, packed=True),
    tensor("scale", SCALE),
    tensor("shared", np.zeros(2, np.int8)),
    tensor("steps", np.array([300, -4], np.int32)),
    tensor("bias_scale", np.array([0.25, 1.0], np.float32)),
    node("DequantizeLinear", "kernel scale shared", "kernel_float", axis=0),
    node("DequantizeLinear", "steps bias_scale", "bias_float", axis=0),
    node("Conv", "image kernel_float bias_float", "out"),
)


def test_quantised_weights_are_steps_times_scale() -> None:
    found = convolutions(read_onnx(model(*QUANTIZED), "net"), "net")
    assert list(found) == ["kernel"]
    kernel, bias = found["kernel"]
    np.testing.assert_array_equal(kernel, KERNEL * SCALE[:, None, None, None])
    np.testing.assert_array_equal(bias, [75.0, -4.0])


def test_a_zero_point_and_one_scale_for_all() -> None:
    parts = (
        tensor("kernel", KERNEL),
        tensor("scale", np.array(0.5, np.float32)),
        tensor("zero", np.array(3, np.int8)),
        node("DequantizeLinear", "kernel scale zero", "kernel_float"),
        node("Conv", "image kernel_float", "out"),
    )
    kernel, bias = convolutions(read_onnx(model(*parts), "net"), "net")["kernel"]
    np.testing.assert_array_equal(kernel, (KERNEL - 3.0) * 0.5)
    np.testing.assert_array_equal(bias, [0, 0])


def test_plain_weights_beside_what_is_stored_otherwise() -> None:
    kernel = np.random.default_rng(0).standard_normal((4, 2, 1, 1)).astype(np.float32)
    # A tensor with its numbers in float_data, a float attribute and a 64-bit field that nobody knows.
    other = field(5, field(1, 1) + field(2, 1) + field(4, b"\0\0\0\0") + field(8, "other"))
    unknown = number(90 << 3 | 1) + bytes(8)
    file = model(tensor("w", kernel), other, node("Conv", "image w", "out"), unknown)
    np.testing.assert_array_equal(convolutions(read_onnx(file, "net"), "net")["w"].kernel, kernel)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it has 0 graphs"),
        (b"text", "net: is not a readable ONNX file"),
        (b"\x08", "net: is not a readable ONNX file"),
        (b"\xff" * 40, "a number has no end"),
        (field(7, 3), "a number stands where a message must be"),
        (model(tensor("w", np.zeros(3)))[:-1], "it ends in the middle"),
        (model(tensor("w", np.zeros(3, np.float64))), "w has the type 11"),
        (model(field(5, field(1, 2**50) + field(2, 1) + field(8, "w") + field(9, b""))), "cannot reshape"),
    ],
)
def test_other_files_are_refused(content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_onnx(content, "net")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([node("Conv", "image w", "out")], "net: the weights of a convolution can't be followed: 'w'"),
        ([node("Conv", "image", "out")], "can't be followed"),
        ([node("Relu", "x", "w"), node("Conv", "image w", "out")], "w is made by Relu"),
        ([*QUANTIZED[1:]], "can't be followed: 'kernel'"),
    ],
)
def test_weights_that_are_made_otherwise_are_refused(parts: list[bytes], message: str) -> None:
    with pytest.raises(InputError, match=message):
        convolutions(read_onnx(model(*parts), "net"), "net")


def test_no_byte_that_is_cut_off_is_passed_over() -> None:
    whole = model(*QUANTIZED)
    for length in range(len(whole)):
        try:
            found = convolutions(read_onnx(whole[:length], "net"), "net")
        except InputError:
            continue
        # Only what follows the graph may be missing.
        assert found.keys() == {"kernel"} and length >= whole.rindex(b"graph")
