import hashlib
import subprocess
import sys
from pathlib import Path

import filelock
import pytest

from nst_keras.errors import InputError
from nst_keras.storage.cache import Fetchable, cache_dir, locked, read_cached, read_kept

CONTENT = b"trained weights" * 1000


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NST_KERAS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def fetchable(*contents: bytes) -> Fetchable:
    """A file that fetches to the given contents, one after the other, and then to no more."""
    left = list(contents)

    def fetch() -> bytes:
        if not left:
            raise InputError("offline")
        return left.pop(0)

    sha256 = hashlib.sha256(CONTENT).hexdigest()
    return Fetchable("net.bin", "the network", len(CONTENT), sha256, fetch, "15 kB")


def test_cache_dir_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cache_dir() == tmp_path / "cache"
    monkeypatch.delenv("NST_KERAS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_dir() == Path("/somewhere/nst_keras")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache_dir() == Path("/home/someone/.cache/nst_keras")


def test_fetched_once_then_offline() -> None:
    notes: list[str] = []
    item = fetchable(CONTENT)
    assert read_cached(item, notes.append) == CONTENT
    assert notes == ["fetching the network (15 kB) ..."]
    assert read_cached(item, notes.append) == CONTENT
    assert len(notes) == 1


@pytest.mark.parametrize("damage", [b"", CONTENT[:-1], b"X" + CONTENT[1:]])
def test_damaged_file_is_fetched_again(folder: Path, damage: bytes) -> None:
    notes: list[str] = []
    item = fetchable(CONTENT, CONTENT)
    read_cached(item, notes.append)
    (folder / "net.bin").write_bytes(damage)
    assert read_cached(item, notes.append) == CONTENT
    assert (folder / "net.bin").read_bytes() == CONTENT
    assert "net.bin is damaged and will be replaced" in notes[1]


def test_wrong_content_is_refused_and_not_kept(folder: Path) -> None:
    with pytest.raises(InputError, match="the network must be 15000 bytes with sha256"):
        read_cached(fetchable(b"a login page"), print)
    assert not (folder / "net.bin").exists()


def test_failed_fetch_leaves_the_next_one_free() -> None:
    with pytest.raises(InputError, match="offline"):
        read_cached(fetchable(), print)
    assert read_cached(fetchable(CONTENT), print) == CONTENT


def test_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NST_KERAS_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(InputError, match=r"file/cache.*set NST_KERAS_CACHE"):
        read_cached(fetchable(CONTENT), print)


def test_parallel_processes_fetch_once(tmp_path: Path) -> None:
    script = f"""
import hashlib, sys, time
from nst_keras.storage.cache import Fetchable, read_cached
content = b"trained weights" * 1000
def fetch():
    with open({str(tmp_path / "fetches")!r}, "a") as file:
        file.write("x")
    time.sleep(1)
    return content
sha256 = hashlib.sha256(content).hexdigest()
item = Fetchable("net.bin", "", len(content), sha256, fetch, "")
sys.exit(read_cached(item, lambda line: None) != content)
"""
    processes = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(4)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0, 0]
    assert (tmp_path / "fetches").read_text() == "x"


@pytest.mark.parametrize("error", [NotImplementedError("no flock"), OSError(30, "Read-only file system")])
def test_a_folder_that_knows_no_locks_is_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The first is what filelock 3 raises on a file system without locks."""

    def fail(lock: filelock.FileLock, timeout: float) -> None:
        raise error

    monkeypatch.setattr(filelock.FileLock, "acquire", fail)
    expected = "cannot be used as folder of data sets: .*(no flock|Read-only).*; set --data_dir"
    with (
        pytest.raises(InputError, match=expected),
        locked(tmp_path / "set", use="folder of data sets", remedy="set --data_dir"),
    ):
        pytest.fail("the block ran without a lock")


def test_what_is_made_is_made_once_and_anew_if_it_is_damaged(folder: Path) -> None:
    notes: list[str] = []

    def kept(name: str, content: bytes) -> bytes:
        return read_kept("made", name, lambda: content, notes.append)

    assert (kept("one", b"first"), kept("one", b"second"), kept("two", b"")) == (b"first", b"first", b"")
    stored = folder / "made" / "one"
    stored.write_bytes(stored.read_bytes()[:-1] + b"?")
    assert (kept("one", b"third"), kept("one", b"fourth")) == (b"third", b"third")
    for number in range(30):
        kept(str(number), b"more")
    assert kept("29", b"") == b"more" and len(list((folder / "made").iterdir())) < 30
    (folder / "file").write_text("")
    assert read_kept("file", "one", lambda: b"made", notes.append) == b"made"
    assert len(notes) == 1 and notes[0].startswith("note: nothing can be kept in the cache")
