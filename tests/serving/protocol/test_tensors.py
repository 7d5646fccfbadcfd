"""Tensors as messages, against TensorFlow's own conversion."""

import numpy as np
import pytest
import tensorflow as tf

from nst_keras.serving.protocol.protos import tensor_pb2, types_pb2
from nst_keras.serving.protocol.status_codes import ServingError
from nst_keras.serving.protocol.tensors import from_proto, to_proto

WHOLE = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
ARRAYS = [
    np.array([[0, 1, 0], [1, 0, 0]], dtype) for dtype in ["float16", "float32", "float64", "bool", *WHOLE]
]
ARRAYS += [np.float32(1.5), np.zeros((0, 3), np.int32), np.array([[b"a\x00"], [b""]], dtype=object)]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_both_ways_agree_with_tensorflow(array: np.ndarray) -> None:
    for message in (
        to_proto(array),
        to_proto(array, packed=False),
        tf.make_tensor_proto(array),
        _fields(array),
    ):
        for found in (from_proto(message), tf.make_ndarray(message)):
            assert found.dtype == array.dtype
            np.testing.assert_array_equal(found, array)
    assert not to_proto(array, packed=False).tensor_content


def _fields(array: np.ndarray) -> "tensor_pb2.TensorProto":
    """The form in which TensorFlow Serving answers: values one by one instead of packed."""
    return tf.make_tensor_proto(array.tolist(), dtype=tf.as_dtype(array.dtype), shape=array.shape)


def test_packed_strings() -> None:
    texts = [b"", b"a" * 300, b"\x00\xff"]
    content = b"\x00\xac\x02\x02" + b"".join(texts)
    message = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, tensor_content=content)
    message.tensor_shape.dim.add(size=3)
    parsed = tf.io.parse_tensor(message.SerializeToString(), tf.string).numpy().tolist()
    assert from_proto(message).tolist() == parsed == texts
    for damaged in (content[:-1], content + b"x", b"\xff" * 20, b"\x00"):
        message.tensor_content = damaged
        with pytest.raises(ServingError, match="a tensor's bytes"):
            from_proto(message)


def test_one_value_stands_for_many() -> None:
    message = tf.make_tensor_proto(7, dtype=tf.int32, shape=[2, 2])
    assert from_proto(message).tolist() == tf.make_ndarray(message).tolist() == [[7, 7], [7, 7]]


@pytest.mark.parametrize(
    "fields,code,words",
    [
        ({"dtype": types_pb2.DT_BFLOAT16}, "UNIMPLEMENTED", "DT_BFLOAT16"),
        ({"dtype": 999}, "UNIMPLEMENTED", "999"),
        ({"dtype": types_pb2.DT_FLOAT, "sizes": [-1]}, "INVALID_ARGUMENT", "at least 0"),
        (
            {"dtype": types_pb2.DT_FLOAT, "sizes": [3], "tensor_content": b"1234"},
            "INVALID_ARGUMENT",
            "hold 1 ",
        ),
        (
            {"dtype": types_pb2.DT_FLOAT, "sizes": [1], "tensor_content": b"12345"},
            "INVALID_ARGUMENT",
            "bytes",
        ),
        ({"dtype": types_pb2.DT_INT8, "sizes": [1], "int_val": [300]}, "INVALID_ARGUMENT", "doesn't fit"),
        ({"dtype": types_pb2.DT_INT8, "sizes": [1], "int_val": [1, 2]}, "INVALID_ARGUMENT", "hold 2 values"),
        ({"dtype": types_pb2.DT_FLOAT, "sizes": [1 << 50]}, "RESOURCE_EXHAUSTED", "at most 1000 bytes"),
    ],
)
def test_malformed_messages(fields: dict, code: str, words: str) -> None:
    sizes = fields.pop("sizes", [])
    message = tensor_pb2.TensorProto(**fields)
    for size in sizes:
        message.tensor_shape.dim.add(size=size)
    with pytest.raises(ServingError, match=words) as caught:
        from_proto(message, most_bytes=1000)
    assert caught.value.code == code
