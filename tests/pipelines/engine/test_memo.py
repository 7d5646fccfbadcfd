"""The memo: what a task wrote is taken by another that would write the same, and never if it is damaged."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.engine.memo import LIST, Piece, no_piece


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., list[str]]:
    """Runs a task that writes a table and a summary under a name; returns the names that really ran."""
    ran: list[str] = []

    def run(name: str, piece: Piece | None = None) -> list[str]:
        def task() -> None:
            ran.append(name)
            (tmp_path / f"{name}.errors.csv").write_text("none")
            (tmp_path / f"{name}.json").write_text("answers")

        (piece or Piece(tmp_path / "memo", "key")).once(tmp_path / f"{name}.json", task)
        assert (tmp_path / f"{name}.json").read_text() == "answers"
        assert (tmp_path / f"{name}.errors.csv").read_text() == "none"
        return ran

    return run


def test_what_was_written_once_is_taken(write: Callable[..., list[str]], tmp_path: Path) -> None:
    piece = Piece(tmp_path / "memo", "key")
    assert not piece.known
    write("a-of-3")
    assert piece.known and write("b-of-4") == write("a-of-3") == ["a-of-3"]
    assert write("c", Piece(tmp_path / "memo", "other")) == ["a-of-3", "c"]
    assert write("d", pickle.loads(pickle.dumps(piece))) == ["a-of-3", "c"]
    assert write("e", Piece(tmp_path / "memo", "key", anew=True)) == ["a-of-3", "c", "e"]
    assert write("f", no_piece(write, [])) == ["a-of-3", "c", "e", "f"]
    assert {path.name for path in (tmp_path / "memo").iterdir()} == {
        f"{key}{suffix}" for key in ("key", "other") for suffix in (".json", ".errors.csv", LIST)
    }


@pytest.mark.parametrize("name", ["key.json", "key.errors.csv", f"key{LIST}"])
@pytest.mark.parametrize("damage", [b"", b"answerS", b"[1]", b'{".json": 1}', None])
def test_what_is_damaged_is_made_again(
    write: Callable[..., list[str]], tmp_path: Path, name: str, damage: bytes | None
) -> None:
    write("a")
    (tmp_path / "memo" / name).unlink()
    if damage is not None:
        (tmp_path / "memo" / name).write_bytes(damage)
    assert write("b") == ["a", "b"]
    assert write("c") == ["a", "b"], "the entry is whole again"


def test_what_a_killed_task_left_is_kept(write: Callable[..., list[str]], tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("answers")
    (tmp_path / "a.errors.csv").write_text("none")
    assert write("a") == write("b") == []


def test_work_is_done_without_a_place_for_the_memo(write: Callable[..., list[str]], tmp_path: Path) -> None:
    (tmp_path / "memo").write_text("a file")
    assert write("a") == ["a"]
    assert write("b") == ["a", "b"]
