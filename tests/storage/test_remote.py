"""Files at addresses: read in part, listed, and known to have changed."""

from pathlib import Path

import fsspec
import pytest

from nst_keras.errors import InputError
from nst_keras.storage.remote import (
    as_local,
    is_remote,
    list_remote,
    open_anywhere,
    read_range,
    size_anywhere,
    state_anywhere,
)


def test_a_store_in_memory_is_read_as_a_disk_is(tmp_path: Path) -> None:
    system = fsspec.filesystem("memory")
    system.pipe_file("/remote/a/b.txt", b"0123456789")
    (tmp_path / "b.txt").write_bytes(b"0123456789")
    for path in ("memory://remote/a/b.txt", str(tmp_path / "b.txt")):
        assert read_range(path, 8, 5) == b"89" and size_anywhere(path) == 10
        with open_anywhere(path) as file:
            file.seek(3)
            assert file.read(2) == b"34"
    assert list(list_remote("memory://remote")) == ["a/b.txt"]
    before = state_anywhere("memory://remote/a/b.txt")
    assert before == state_anywhere("memory://remote/a/b.txt")
    system.pipe_file("/remote/a/b.txt", b"0123456780")
    assert state_anywhere("memory://remote/a/b.txt") != before


def test_what_an_address_is() -> None:
    assert is_remote("s3://bucket/x") and not is_remote("/s3/x") and not is_remote("C:\\x")
    assert as_local("file:///a%20b/c") == "/a b/c" and as_local("gs://b/c") == "gs://b/c"
    with pytest.raises(InputError, match=r"memory://none/x: does not exist"):
        open_anywhere("memory://none/x")
