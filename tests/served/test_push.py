"""Pushing, as a model server and a careless operator see it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nst_keras.errors import InputError
from nst_keras.served import store as model_store
from nst_keras.served.push import push, rollback
from nst_keras.served.store import MANIFEST_FILE, check_version, find_versions


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The files of a SavedModel; nothing here looks into them."""
    return _make(tmp_path / "source", b"first")


@pytest.fixture
def serving(tmp_path: Path) -> Path:
    return tmp_path / "saved_models"


def _make(folder: Path, content: bytes) -> Path:
    (folder / "variables").mkdir(parents=True, exist_ok=True)
    (folder / "variables" / "variables.index").write_bytes(content * 2)
    (folder / "assets.extra").mkdir(exist_ok=True)
    (folder / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"")
    (folder / "saved_model.pb").write_bytes(content)
    return folder


def _contents(serving: Path) -> dict[int, bytes]:
    versions = find_versions(serving / "model")
    return {number: (path / "saved_model.pb").read_bytes() for number, path in versions.items()}


def test_versions_increase_and_only_the_newest_are_kept(source: Path, serving: Path) -> None:
    for _ in range(4):
        last = push(source, serving, "model", keep=2)
    assert last == serving / "model" / "4"
    assert list(_contents(serving)) == [3, 4]
    assert (last / "variables" / "variables.index").read_bytes() == b"firstfirst"
    assert sorted(path.name for path in (serving / "model").iterdir() if path.name[0] != ".") == ["3", "4"]


def test_a_number_is_never_given_twice(source: Path, serving: Path) -> None:
    push(source, serving, "model")
    last = push(source, serving, "model")
    for path in sorted(last.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    last.rmdir()
    assert push(source, serving, "model").name == "3"
    assert push(source, serving, "model", version=20260101).name == "20260101"
    with pytest.raises(InputError, match=r"above 20260101.*Received: version=7"):
        push(source, serving, "model", version=7)


def test_rollback_serves_the_older_content_under_a_new_number(tmp_path: Path, serving: Path) -> None:
    for content in (b"one", b"two", b"three"):
        push(_make(tmp_path / "source", content), serving, "model", keep=0)
    assert rollback(serving, "model", keep=0).name == "4"
    assert _contents(serving)[4] == b"two"
    assert rollback(serving, "model", keep=0).name == "5"
    assert _contents(serving)[5] == b"one", "the second rollback goes back a second version"
    with pytest.raises(InputError, match="no older version"):
        rollback(serving, "model", keep=0)
    assert rollback(serving, "model", to=3, keep=0).name == "6"
    assert _contents(serving)[6] == b"three"
    with pytest.raises(InputError, match=r"1, 2, 3, 4, 5, 6\. Received: to=9"):
        rollback(serving, "model", to=9)


def test_damage_shows(source: Path, serving: Path) -> None:
    pushed = push(source, serving, "model")
    assert check_version(pushed)
    (pushed / "variables" / "variables.index").write_bytes(b"firstfirsT")
    with pytest.raises(InputError, match=r"variables\.index: has another"):
        check_version(pushed)
    with pytest.raises(InputError, match=r"variables\.index: has another"):
        push(pushed, serving, "other")
    (pushed / "variables" / "variables.index").unlink()
    with pytest.raises(InputError, match=r"variables\.index: is missing"):
        check_version(pushed)
    (pushed / MANIFEST_FILE).write_text("{")
    with pytest.raises(InputError, match="is damaged"):
        check_version(pushed)


def test_a_failure_leaves_nothing(source: Path, serving: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    push(source, serving, "model")
    before = sorted(os.listdir(serving / "model"))

    def copy_half(path: Path, copy: Path) -> None:
        assert not (copy.parent / "saved_model.pb").exists()
        copy.write_bytes(path.read_bytes()[:2])
        if path.name == "saved_model.pb":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(model_store.shutil, "copyfile", copy_half)
    with pytest.raises(InputError, match=r"No space left|changed while"):
        push(source, serving, "model")
    assert sorted(os.listdir(serving / "model")) == before
    monkeypatch.undo()
    left_by_a_killed_push = serving / "model" / f".nst_keras-{'0' * 16}.tmp"
    _make(left_by_a_killed_push, b"half")
    assert push(source, serving, "model").name == "2"
    assert not left_by_a_killed_push.exists()


def test_pushes_at_the_same_time(source: Path, serving: Path) -> None:
    code = "import sys; from nst_keras.served.push import push\n"
    code += "for _ in range(5): push(sys.argv[1], sys.argv[2], 'model', keep=0)"
    command = [sys.executable, "-c", code, str(source), str(serving)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    versions = find_versions(serving / "model")
    assert list(versions) == list(range(1, 16))
    assert all(check_version(path) for path in versions.values())


@pytest.mark.parametrize("name", ["", "a/b", "../up", ".hidden", "a:b"])
def test_names_are_checked(source: Path, serving: Path, name: str) -> None:
    with pytest.raises(InputError, match="name must be"):
        push(source, serving, name)
    assert not serving.exists()


def test_what_is_no_saved_model_is_refused(tmp_path: Path, serving: Path) -> None:
    with pytest.raises(InputError, match=r"empty: is not a SavedModel: there is no saved_model\.pb"):
        (tmp_path / "empty").mkdir()
        push(tmp_path / "empty", serving, "model")
    with pytest.raises(InputError, match="does not exist"):
        rollback(serving, "model")
