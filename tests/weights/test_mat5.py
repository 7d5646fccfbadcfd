import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from nst_keras.errors import InputError
from nst_keras.weights.mat5 import read_mat5

MATLAB_FILES = Path(scipy.io.__file__).parent / "matlab" / "tests" / "data"


def as_plain(value: Any) -> Any:
    """Turns what SciPy reads into the form that read_mat5 promises."""
    if value.dtype == object:
        return [as_plain(item) for item in value.ravel(order="F")]
    if value.dtype.names:
        return {name: as_plain(value[name][0, 0]) for name in value.dtype.names}
    if value.dtype.kind == "U":
        return "".join(value.ravel())
    return value


def assert_equal(received: Any, expected: Any) -> None:
    if isinstance(expected, list):
        assert len(received) == len(expected)
        for pair in zip(received, expected, strict=True):
            assert_equal(*pair)
    elif isinstance(expected, dict):
        assert list(received) == list(expected)
        for name in expected:
            assert_equal(received[name], expected[name])
    elif isinstance(expected, str):
        assert received == expected
    else:
        assert received.shape == expected.shape
        np.testing.assert_array_equal(received, expected)


VARIABLES = {
    "cube": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "bytes": np.arange(3, dtype=np.uint8),
    "nothing": np.empty((0, 0)),
    "text": "conv1_1",
    "struct": {"name": "relu", "inner": {"pad": np.ones((1, 4))}, "empty": ""},
    "cell": np.array([["a", np.ones((2, 2))]], object),
}


@pytest.mark.parametrize("do_compression", [False, True])
def test_agrees_with_scipy(tmp_path: Path, do_compression: bool) -> None:
    path = tmp_path / "file.mat"
    scipy.io.savemat(path, VARIABLES, do_compression=do_compression)
    read, md5 = read_mat5(path, list(VARIABLES))
    assert list(read) == list(VARIABLES)
    expected = scipy.io.loadmat(path)
    for name, value in read.items():
        assert_equal(value, as_plain(expected[name]))
    assert len(md5) == 32


def test_only_what_was_asked_for(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "file.mat", VARIABLES)
    assert list(read_mat5(tmp_path / "file.mat", ["text", "other"])[0]) == ["text"]


@pytest.mark.skipif(not MATLAB_FILES.is_dir(), reason="this SciPy comes without MATLAB's files")
@pytest.mark.parametrize(
    "name",
    [
        "test3dmatrix_6.5.1_GLNX86",
        "test3dmatrix_7.4_GLNX86",
        "testcell_6.1_SOL2",
        "testcellnest_7.4_GLNX86",
        "testmatrix_6.1_SOL2",
        "testmulti_7.4_GLNX86",
        "teststring_7.1_GLNX86",
        "teststructnest_7.4_GLNX86",
        "testunicode_7.4_GLNX86",
        "big_endian",
    ],
)
def test_files_of_matlab(name: str) -> None:
    path = MATLAB_FILES / f"{name}.mat"
    expected = {n: v for n, v in scipy.io.loadmat(path).items() if not n.startswith("__")}
    read, _ = read_mat5(path, expected.keys())
    assert list(read) == list(expected)
    for variable, value in read.items():
        assert_equal(value, as_plain(expected[variable]))


def test_what_networks_do_not_hold_is_none(tmp_path: Path) -> None:
    path = tmp_path / "file.mat"
    sparse = scipy.sparse.eye(3, format="csc")
    scipy.io.savemat(path, {"sparse": sparse, "complex": np.array([1j]), "after": "text"})
    read, _ = read_mat5(path, ["sparse", "complex", "after"])
    assert read == {"sparse": None, "complex": None, "after": "text"}


def compressed(size: int) -> bytes:
    packed = zlib.compress(bytes(size))
    tag = (15).to_bytes(4, "little") + len(packed).to_bytes(4, "little")
    return b"MATLAB 5.0".ljust(124) + b"\x00\x01IM" + tag + packed


def test_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nst_keras.weights.mat5._MAX_UNPACKED", 1000)
    (tmp_path / "file.mat").write_bytes(compressed(1001))
    with pytest.raises(InputError, match=r"file\.mat: .*larger than"):
        read_mat5(tmp_path / "file.mat", ["x"])


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "file.mat"
    scipy.io.savemat(path, {"struct": VARIABLES["struct"]})
    whole = path.read_bytes()
    for length in range(129, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="truncated or damaged"):
            read_mat5(path, ["struct"])


def test_damage_never_ends_in_another_error(tmp_path: Path) -> None:
    path = tmp_path / "file.mat"
    scipy.io.savemat(path, VARIABLES)
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(500):
        damaged = bytearray(whole)
        for position in random.integers(128, len(whole), 4):
            damaged[position] = random.integers(256)
        path.write_bytes(damaged)
        try:
            read_mat5(path, list(VARIABLES))
        except InputError as error:
            assert str(error).startswith(f"{path}: is a truncated or damaged .mat file")
            refused += 1
    assert 0 < refused < 500
