"""Tensors as JSON: there and back for any array, and what doesn't fit into a type is refused."""

import base64
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nst_keras.serving.protocol.json_tensors import (
    is_base64,
    to_array,
    to_binary_json,
    to_json,
    write_json,
)
from nst_keras.serving.protocol.status_codes import ServingError
from nst_keras.serving.protocol.tensors import TensorSpec

WHOLE = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
FLOATS = ["float16", "float32", "float64"]
SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=3)


def _read(value: Any, dtype: str | type) -> np.ndarray:
    return to_array(value, TensorSpec(np.dtype(dtype), None), "x")


def _refusal(value: Any, dtype: str | type) -> str:
    with pytest.raises(ServingError) as caught:
        _read(value, dtype)
    assert caught.value.code == "INVALID_ARGUMENT"
    return str(caught.value)


@given(st.sampled_from(["bool", *WHOLE, *FLOATS]).flatmap(lambda dtype: arrays.arrays(dtype, SHAPES)))
def test_numbers_come_back(array: np.ndarray) -> None:
    for write in (lambda array: to_json(array, "x"), to_binary_json):
        found = _read(json.loads(json.dumps(write(array))), array.dtype)
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)


@given(arrays.arrays(object, SHAPES, elements=st.binary(max_size=5)))
def test_bytes_come_back(array: np.ndarray) -> None:
    for value in (to_json(array, "image_bytes"), to_binary_json(array)):
        np.testing.assert_array_equal(_read(json.loads(json.dumps(value)), object), array)


@given(arrays.arrays(object, SHAPES, elements=st.text(max_size=5).map(lambda text: _encoded(text))))
def test_text_comes_back(array: np.ndarray) -> None:
    value = to_json(array, "label")
    assert is_text(value)
    np.testing.assert_array_equal(_read(json.loads(json.dumps(value)), object), array)


def _encoded(text: str) -> bytes:
    return text.encode(errors="replace")


def is_text(value: Any) -> bool:
    return all(map(is_text, value)) if isinstance(value, list) else isinstance(value, str)


@given(st.sampled_from(WHOLE), st.integers(-(2**65), 2**65))
def test_a_whole_number_comes_through_or_is_refused(dtype: str, value: int) -> None:
    limits = np.iinfo(dtype)
    if limits.min <= value <= limits.max:
        assert int(_read(value, dtype)) == value
    else:
        assert "Received" in _refusal([value], dtype)


@pytest.mark.parametrize("dtype", WHOLE)
def test_the_limits_of_whole_numbers(dtype: str) -> None:
    least, most = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    assert _read([least, most], dtype).tolist() == [least, most]
    for value in (least - 1, most + 1, 2**70):
        assert _refusal([0, value], dtype) == f"x must be within {least} and {most}. Received: [0, {value}]"


@pytest.mark.parametrize(
    "dtype,value",
    [("float32", 1e39), ("float32", -1e39), ("float16", 70_000), ("float16", [1, -1e5])],
)
def test_what_is_too_large_for_a_float(dtype: str, value: Any) -> None:
    assert _refusal(value, dtype) == f"x must fit into {dtype}. Received: {value}"
    assert np.isinf(_read(float("inf"), dtype))


@pytest.mark.parametrize(
    "value,dtype,words",
    [
        ([1, 2.5], "int32", "must be of type int32"),
        (["1"], "float32", "must be of type float32"),
        ([1, True], "float32", "must be of type float32"),
        ([[1, 2], [1, False]], "int32", "must be of type int32"),
        (True, "int64", "must be of type int64"),
        ([1, 0], "bool", "must be of type bool"),
        ([None], "float32", "must be of type float32"),
        ([{"b64": "YQ=="}], "float32", "must be of type float32"),
        ([[1, 2], [3]], "float32", "must be lists of equal lengths"),
        ([["a", "b"], ["c"]], object, "must be lists of equal lengths"),
        ([["a"], "b"], object, "must be lists of equal lengths"),
        (["a", ["b"]], object, "must be of type string"),
        (["a", 1], object, "must be of type string"),
        ([{"b64": "YQ==", "more": 1}], object, "must be of type string"),
        ([{"b64": 3}], object, "must be of type string"),
        ([{"b64": "a"}], object, "Unable to base64 decode"),
        ([{"b64": "YQ=!="}], object, "Unable to base64 decode"),
        ([{"b64": "ü"}], object, "Unable to base64 decode"),
        (["\ud800"], object, "must be text: surrogates not allowed"),
    ],
)
def test_other_values_are_refused(value: Any, dtype: str | type, words: str) -> None:
    text = _refusal(value, dtype)
    assert text.startswith("x") and words in text and "Received: " in text


def test_what_is_received_is_cut_short() -> None:
    assert len(_refusal(["x" * 10_000] * 100, "float32")) < 300


def test_empty_lists_keep_their_type() -> None:
    for dtype in ("float32", "int8", "bool", object):
        found = _read([], dtype)
        assert (found.dtype, found.shape) == (np.dtype(dtype), (0,))
    assert _read([[], []], object).shape == (2, 0)


def test_only_an_object_with_nothing_but_b64_stands_for_bytes() -> None:
    assert is_base64({"b64": ""})
    assert not any(map(is_base64, ({"b64": 1}, {"b64": "", "x": 1}, {"x": ""}, {}, "b64", ["b64"])))


def test_short_floats_read_as_they_were_written() -> None:
    assert to_json(np.array([0.1, 1e-7], np.float32), "x") == [0.1, 1e-7]
    assert to_json(np.array([0.1], np.float16), "x") == [0.1]
    assert to_json(np.float64(0.1), "x") == 0.1
    # A picture's pixels, which nobody reads, aren't rounded: that takes long.
    assert to_json(np.full(10_000, 0.1, np.float32), "x")[0] == 0.1
    assert to_json(np.full(10_001, 0.1, np.float32), "x")[0] == float(np.float32(0.1))


def test_strings_that_are_not_text_need_a_name_that_says_so() -> None:
    array = np.array([b"\xff"], dtype=object)
    with pytest.raises(ServingError, match=r"output raw isn't UTF-8; only .* names end in _bytes") as caught:
        to_json(array, "raw")
    assert caught.value.code == "INTERNAL"
    assert to_json(array, "raw_bytes") == [{"b64": base64.b64encode(b"\xff").decode()}]


def test_documents_are_written_as_the_standard_library_does() -> None:
    coded = to_binary_json(np.array([b"\x00\xff", b""], object))
    nested = to_binary_json(np.array([[b"a"], [b"b"]], object))
    for document in (
        {"outputs": coded},
        {"predictions": [{"image_bytes": coded[0], "ä": [1, None, "\n"]}, {"x": float("nan")}]},
        {"outputs": nested, "empty": [{}, []], "true": True},
        [[1.5], []],
    ):
        assert write_json(document) == json.dumps(document)
