"""Files are written whole or not at all, and every failure has a reason."""

import contextlib
import errno
import itertools
import os
import resource
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nst_keras.errors import InputError
from nst_keras.storage.files import check_writable, is_temporary, open_file, write_whole, writing_whole

OLD = b"what was there before"
Write = Callable[[Any], None]


def write_some(path: str | os.PathLike[str]) -> None:
    write_whole(path, b"n" * 100_000)


both = pytest.mark.parametrize("write", [write_some, check_writable])


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    path.write_bytes(OLD)
    return path


@contextlib.contextmanager
def small_files_only() -> Iterator[None]:
    """Lets the system stop every file after 1000 bytes, as a full disk would.

    Not a fixture: pytest's own output is stopped too while the limit holds, if it goes to a file.
    """
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def fail_to_sync(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fsync(_: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.parametrize("kind", [str, Path])
def test_written_bytes_are_the_file(tmp_path: Path, kind: type) -> None:
    path = tmp_path / "Größe.bin"
    write_whole(kind(path), b"first")
    write_whole(kind(path), b"second\x00\xff")
    assert path.read_bytes() == b"second\x00\xff"
    assert os.listdir(tmp_path) == [path.name]


def test_relative_path_is_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check_writable("picture.png")
    write_whole("picture.png", b"data")
    assert (tmp_path / "picture.png").read_bytes() == b"data"


def test_new_file_has_the_usual_permissions_and_an_old_one_keeps_its_own(old: Path) -> None:
    usual = old.with_name("usual")
    usual.touch()
    new = old.with_name("new")
    old.chmod(0o640)
    write_some(new)
    write_some(old)
    assert new.stat().st_mode == usual.stat().st_mode
    assert stat.S_IMODE(old.stat().st_mode) == 0o640


def test_symbolic_link_is_followed(old: Path) -> None:
    link = old.with_name("link.png")
    link.symlink_to(old.name)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert old.read_bytes() == b"new"


def test_device_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match=r"pipe: is not a regular file"):
        write_some(pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    versions = [bytes([n]) * 50_000 for n in range(4)]
    write_whole(path, versions[0])
    stop = threading.Event()

    def write_on() -> None:
        for data in itertools.cycle(versions):
            write_whole(path, data)
            if stop.is_set():
                return

    writers = [threading.Thread(target=write_on) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        seen = [path.read_bytes() for _ in range(300)]
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert all(data in versions for data in seen)
    assert os.listdir(tmp_path) == [path.name]


def test_what_fails_while_it_is_written_leaves_the_old_file(old: Path) -> None:
    with pytest.raises(KeyboardInterrupt), writing_whole(old) as temporary:
        temporary.write_bytes(b"half")
        assert is_temporary(temporary) and not is_temporary(old)
        raise KeyboardInterrupt
    assert old.read_bytes() == OLD
    assert os.listdir(old.parent) == [old.name]


def test_check_leaves_the_target_and_the_folder_as_they_were(old: Path) -> None:
    check_writable(old)
    check_writable(old.with_name("new.png"))
    assert old.read_bytes() == OLD
    assert os.listdir(old.parent) == [old.name]


@both
def test_full_disk(old: Path, monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    fail_to_sync(monkeypatch, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    with pytest.raises(InputError, match=r"picture\.png: cannot be written: no space left on device"):
        write(old)
    assert old.read_bytes() == OLD
    assert os.listdir(old.parent) == [old.name]


@both
def test_write_that_stops_halfway_leaves_the_old_file(old: Path, write: Write) -> None:
    message = r"picture\.png: cannot be written: file too large"
    with pytest.raises(InputError, match=message), small_files_only():
        write(old)
    assert old.read_bytes() == OLD
    assert os.listdir(old.parent) == [old.name]


def test_interrupted_write_leaves_the_old_file(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_to_sync(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        write_some(old)
    assert old.read_bytes() == OLD
    assert os.listdir(old.parent) == [old.name]


@both
def test_missing_folder_and_folder_as_target(tmp_path: Path, write: Write) -> None:
    with pytest.raises(InputError, match=r"a\.png: the folder .*missing does not exist"):
        write(tmp_path / "missing" / "a.png")
    with pytest.raises(InputError, match=r"is a folder"):
        write(tmp_path)
    with pytest.raises(InputError, match=r"is a folder"):
        write("")
    assert os.listdir(tmp_path) == []


@both
def test_file_where_a_folder_is_needed(old: Path, write: Write) -> None:
    with pytest.raises(InputError, match=r"picture\.png is not a folder"):
        write(old / "a.png")


@both
@pytest.mark.parametrize(
    ("name", "reason"), [("a" * 300 + ".png", "file name too long"), ("a\0.png", "null")]
)
def test_impossible_name(tmp_path: Path, write: Write, name: str, reason: str) -> None:
    with pytest.raises(InputError, match=rf"cannot be written: .*{reason}"):
        write(tmp_path / name)


@both
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folder(tmp_path: Path, write: Write) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match=r"a\.png: cannot be written: permission denied"):
            write(tmp_path / "a.png")
    finally:
        tmp_path.chmod(0o700)


@both
@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs Linux")
def test_folder_where_even_root_may_not_write(write: Write) -> None:
    with pytest.raises(InputError, match=r"/proc/a\.png: cannot be written: "):
        write("/proc/a.png")


def test_open_reads(old: Path) -> None:
    with open_file(str(old)) as file:
        assert file.read() == OLD


def test_open_says_why_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"missing\.png: does not exist"):
        open_file(tmp_path / "missing.png")
    with pytest.raises(InputError, match=r"is a folder"):
        open_file(tmp_path)
    with pytest.raises(InputError, match=r"cannot be read: .*null"):
        open_file("a\0.png")

    def forbid(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", forbid)
    with pytest.raises(InputError, match=r"secret\.png: cannot be read: permission denied"):
        open_file("secret.png")
