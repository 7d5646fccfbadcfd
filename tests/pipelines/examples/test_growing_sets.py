"""A folder of classes that grows, shrinks, is renamed and linked, as loader and fingerprints see it."""

import hashlib
import io
import itertools
import os
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from nst_keras.data.file_sets import _scan
from nst_keras.data.splits import SplitRule, plan_splits
from nst_keras.storage import files
from pipelines.engine.store.digests import read_tree
from pipelines.engine.store.store import Store

CLASSES, NAMES = ("ant", "bee"), ("a.png", "b.png", "c.png")


def _png(value: int) -> bytes:
    """Pictures of which all files are equally long."""
    data = io.BytesIO()
    pixels = np.full((2, 2, 3), 100 + value, np.uint8)
    Image.fromarray(pixels).save(data, "PNG", compress_level=0)
    return data.getvalue()


PICTURES = [_png(value) for value in range(30)]
NUMBERS = {hashlib.sha256(data).hexdigest(): number for number, data in enumerate(PICTURES)}
ACTIONS = st.tuples(
    st.sampled_from(["add", "swap", "remove", "rename", "hard", "soft", "move class"]),
    st.sampled_from(CLASSES),
    st.sampled_from(NAMES),
    st.integers(0, len(PICTURES) - 1),
)


class _Folder:
    """The data set, with a clock that never shows the same time twice."""

    def __init__(self, root: Path) -> None:
        self.root, self.clock = root / "set", itertools.count(1)
        self.apart = root / "apart"  # where linked class folders really are
        self.apart.mkdir()
        for number, name in enumerate(CLASSES):
            (self.root / name).mkdir(parents=True)
            self.write(self.root / name / "first.png", number)

    def write(self, path: Path, number: int, time: int = 0) -> None:
        """Writes a new file in the place of an old one."""
        new = path.with_suffix(".new")
        new.write_bytes(PICTURES[number])
        os.utime(new, ns=(0, time or next(self.clock)))
        new.rename(path)

    def do(self, action: str, kind: str, name: str, number: int) -> None:
        path, first = self.root / kind / name, self.root / kind / "first.png"
        if action == "add":
            path.unlink(missing_ok=True)
            self.write(path, number)
        elif action == "swap" and path.exists() and not path.is_symlink():
            self.write(path, number, path.stat().st_mtime_ns)  # size and time stay
        elif action == "remove":
            path.unlink(missing_ok=True)
        elif action == "rename" and path.exists():
            path.rename(path.with_name("renamed.png"))
        elif action in ("hard", "soft"):
            path.unlink(missing_ok=True)
            (os.link if action == "hard" else os.symlink)(first, path)
        elif action == "move class" and not (self.root / kind).is_symlink():
            (self.root / kind).rename(self.apart / kind)
            (self.root / kind).symlink_to(self.apart / kind)

    def pictures(self) -> list[tuple[int, int]]:
        """Content and class of each, as the loader has them."""
        scanned, _, skipped = _scan([str(self.root)], lambda text: None)
        assert not skipped
        found = scanned["train"]
        return [
            (NUMBERS[sha.tobytes().hex()], label)
            for sha, label in zip(found.digests, found.labels, strict=True)
        ]

    def true_pictures(self) -> list[tuple[int, int]]:
        """The same by hand: each file of a class once, whatever leads to it."""
        found = []
        for label, name in enumerate(CLASSES):
            paths = {os.stat(path).st_ino: path for path in (self.root / name).glob("*.png")}
            digests = (hashlib.sha256(path.read_bytes()).hexdigest() for path in paths.values())
            found += [(NUMBERS[digest], label) for digest in digests]
        return found


@pytest.fixture
def always_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_COARSEST_CLOCK_NS", 0)


def test_nothing_moves_counts_twice_or_changes_unseen(always_settled: None, tmp_path: Path) -> None:
    store = Store(tmp_path)
    swapped = [("add", "ant", "a.png", 3), ("swap", "ant", "a.png", 5)]

    @settings(max_examples=40, deadline=None)
    @given(st.lists(ACTIONS, min_size=1, max_size=12))
    @example(swapped)
    def check(actions: list[tuple[str, str, str, int]]) -> None:
        _check(store, actions)

    check()
    store.close()


def _check(store: Store, actions: list[tuple[str, str, str, int]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, sides, lent = _Folder(Path(name)), dict[int, str](), set[int]()
        for action in actions:
            folder.do(*action)
            assert read_tree(folder.root, store.digest) == read_tree(folder.root), "a change was overlooked"
            pictures = folder.pictures()
            assert Counter(pictures) == Counter(folder.true_pictures())
            now, now_lent = _plan(pictures)
            moved = {number for number in now.keys() & sides.keys() if now[number] != sides[number]}
            assert moved <= lent | now_lent
            sides, lent = now, now_lent


def _plan(pictures: list[tuple[int, int]]) -> tuple[dict[int, str], set[int]]:
    """The side of each content, and which of them are lent."""
    digests = [hashlib.sha256(PICTURES[number]).hexdigest() for number, _ in pictures]
    plans = plan_splits({"train": np.array([label for _, label in pictures])}, SplitRule(0.2, 0), digests)
    placed = [(pictures[index][0], name) for name, plan in plans.items() for index in plan.indices]
    assert len(placed) == len(pictures) and len(dict(placed)) == len(set(placed)), "counted on one side"
    return dict(placed), {pictures[index][0] for plan in plans.values() for index in plan.lent}


def test_what_was_just_changed_is_read_again_though_nothing_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, store = tmp_path / "data", Store(tmp_path / "root")
    path.write_bytes(b"one")
    first = store.digest(path)
    before = path.stat()
    with path.open("r+b") as file:  # the same file, as long as before
        file.write(b"two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert store.digest(path) != first
    store.close()


def test_a_linked_class_folder_is_fingerprinted(tmp_path: Path) -> None:
    folder = _Folder(tmp_path)
    folder.do("move class", "ant", "", 0)
    before = read_tree(folder.root)
    assert set(before.files) == {"ant/first.png", "bee/first.png"}
    folder.write(tmp_path / "apart" / "ant" / "more.png", 5)
    assert read_tree(folder.root).digest != before.digest
