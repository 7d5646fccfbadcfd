"""Folders take the place of others whole or not at all."""

import os
from pathlib import Path

import pytest

from nst_keras.errors import InputError
from nst_keras.storage.folders import make_folder, making_folder, replacing_folder


@pytest.fixture
def old(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "old").touch()
    return folder


def test_a_folder_takes_the_place_of_another(old: Path) -> None:
    for target in (old, old.with_name("more")):
        with replacing_folder(target) as new:
            new.mkdir()
            (new / "new").touch()
        assert os.listdir(target) == ["new"]
    assert sorted(os.listdir(old.parent)) == ["model", "more"]


def test_what_fails_leaves_the_old_one(old: Path) -> None:
    with pytest.raises(KeyboardInterrupt), replacing_folder(old) as new:
        new.mkdir()
        raise KeyboardInterrupt
    with pytest.raises(InputError, match="model: cannot be written: No such file"), replacing_folder(old):
        pass
    assert os.listdir(old) == ["old"]
    assert os.listdir(old.parent) == ["model"]


def test_a_folder_that_cannot_be_made_is_named(old: Path) -> None:
    with pytest.raises(InputError, match=r"^--output_dir: .*old/runs can't be made: Not a directory"):
        make_folder(old / "old" / "runs")


def test_new_folders_go_if_nothing_came_of_them(old: Path) -> None:
    for error in (InputError, KeyboardInterrupt):
        with pytest.raises(error), making_folder(old / "runs" / "first"):
            raise error
        assert os.listdir(old) == ["old"]
    with pytest.raises(KeyboardInterrupt), making_folder(old / "runs" / "second") as folder:
        (folder / "log").touch()
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt), making_folder(old):
        raise KeyboardInterrupt
    assert [str(path.relative_to(old)) for path in sorted(old.rglob("*")) if path.is_file()] == [
        "old",
        "runs/second/log",
    ]
