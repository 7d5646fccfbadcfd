"""Digests stand for names and contents, and for nothing else."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from nst_keras.errors import InputError
from pipelines.engine.stage import Outside
from pipelines.engine.store.digests import file_digest, find_files, read_tree, summarize_tree


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data" / "inner").mkdir(parents=True)
    (tmp_path / "data" / "a.txt").write_text("one")
    (tmp_path / "data" / "inner" / "b.txt").write_text("two")
    return tmp_path / "data"


def test_a_tree_lists_its_files(folder: Path) -> None:
    tree = read_tree(folder)
    expected = {"a.txt": (3, _sha("one")), "inner/b.txt": (3, _sha("two"))}
    assert (tree.files, tree.num_bytes) == (expected, 6)
    assert read_tree(folder / "a.txt").files == {"": (3, _sha("one"))}


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_place_and_time_do_not_count(folder: Path) -> None:
    before = read_tree(folder).digest
    os.utime(folder / "a.txt", (1, 1))
    (folder / ".hidden").write_text("x")
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("x")
    moved = folder.rename(folder.with_name("moved"))
    assert read_tree(moved).digest == before


def test_contents_and_names_count(folder: Path) -> None:
    seen = {read_tree(folder).digest}
    (folder / "a.txt").write_text("One")
    seen.add(read_tree(folder).digest)
    (folder / "a.txt").rename(folder / "c.txt")
    seen.add(read_tree(folder).digest)
    (folder / "d.txt").touch()
    seen.add(read_tree(folder).digest)
    (folder / "inner" / "b.txt").rename(folder / "b.txt")
    seen.add(read_tree(folder).digest)
    assert len(seen) == 5


def test_a_summary_is_the_trees_in_whatever_order_files_come(folder: Path) -> None:
    for name in ("inner-2", "inner.d"):
        (folder / name).mkdir()
        (folder / name / "b\udcff.txt").write_text(name)
    tree = read_tree(folder)
    assert tree.digest == _sha(json.dumps(sorted(tree.files.items()))), "as in former versions"
    assert list(tree.files) == sorted(tree.files)
    assert summarize_tree(folder) == (tree.digest, tree.num_bytes)
    files = list(find_files(folder))
    assert summarize_tree(Outside("any", lambda: files[::-1])) == (tree.digest, tree.num_bytes)


def test_what_is_known_is_not_read_again(folder: Path) -> None:
    asked: list[Path] = []

    def known(path: Path) -> str:
        asked.append(path)
        return file_digest(path)

    assert read_tree(folder, known) == read_tree(folder)
    assert asked == [path for _, path in find_files(folder)]


def test_what_cannot_be_read_is_named(folder: Path) -> None:
    with pytest.raises(InputError, match=r"gone: does not exist"):
        read_tree(folder / "gone")

    def broken(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    with pytest.raises(InputError, match=r"a\.txt: cannot be read: Permission denied"):
        read_tree(folder, broken)
