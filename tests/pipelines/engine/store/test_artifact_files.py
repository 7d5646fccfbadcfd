"""Artifacts get their place in one step."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.engine.store.artifact_files import folder_of, place, placing, seal
from pipelines.engine.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(Store(tmp_path / "root")) as opened:
        yield opened


@pytest.fixture
def made(tmp_path: Path) -> Path:
    folder = tmp_path / "root" / "work" / "model"
    folder.mkdir(parents=True)
    for name in ("a.bin", "b.bin"):
        (folder / name).write_bytes(b"weights")
    return folder


def test_a_sealed_folder_is_moved_and_never_copied(
    store: Store, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for name in ("copy", "copy2", "copyfile", "copytree"):  # each could be killed halfway
        monkeypatch.setattr(shutil, name, killed)
    number = made.stat().st_ino
    with placing(store):
        artifact = place(store, "Model", made, seal(made))
    folder = folder_of(store, artifact)
    assert folder.stat().st_ino == number and not made.exists()
    assert sorted(path.name for path in folder.iterdir()) == ["a.bin", "b.bin"]


def test_a_kill_before_the_place_is_taken_leaves_the_place_empty(
    store: Store, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt), placing(store):
        patch.setattr(Path, "rename", killed)
        place(store, "Model", made, seal(made))
    assert not list((store.root / "artifacts" / "Model").iterdir())
    with placing(store):
        assert folder_of(store, place(store, "Model", made, seal(made))).is_dir()
