"""Spans: which folders a path with {SPAN} stands for, and what they are together."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nst_keras.data.datasets import load_dataset
from nst_keras.data.settings import PARTS
from nst_keras.data.spans import find_spans
from nst_keras.errors import InputError
from pipelines.stages.example_gen import ExampleGen, ExampleGenConfig


def _fill(folder: Path, first: int, count: int = 30, names: tuple[str, ...] = ("ant", "bee")) -> None:
    """Writes pictures of which no two are equal."""
    for label, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for number in range(first, first + count):
            pixels = np.full((4, 4, 3), [number, 100 * label, 0], np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


def test_the_newest_by_number_or_date(tmp_path: Path) -> None:
    for name in ("day-9", "day-10", "day-x", "10", "day-2026-11-09", "day-2026-2-10", "other-77"):
        (tmp_path / name / "pictures").mkdir(parents=True)
    (tmp_path / "day-99").write_text("no folder")
    pattern = f"{tmp_path}/day-{{SPAN}}/pictures"

    def names(newest: int) -> list[str]:
        return [folder.parent.name for folder in find_spans(pattern, newest)]

    assert names(1) == ["day-2026-11-09"]
    assert names(3) == ["day-10", "day-2026-2-10", "day-2026-11-09"]
    assert names(0) == ["day-9", "day-10", "day-2026-2-10", "day-2026-11-09"]
    assert [folder.name for folder in find_spans(f"{tmp_path}/{{SPAN}}", 0)] == ["10"]


def test_what_stands_for_no_folder(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"there must be a folder or file with a number or a date for {SPAN}"
    ):
        find_spans(f"{tmp_path}/none/{{SPAN}}", 1)
    with pytest.raises(InputError, match=r"dataset must have .* once in its path"):
        find_spans(f"{tmp_path}/{{SPAN}}/{{SPAN}}", 1)


def test_spans_together_are_one_set_and_a_new_one_moves_no_picture(tmp_path: Path) -> None:
    _fill(tmp_path / "1", 0)
    _fill(tmp_path / "2", 30, names=("ant", "bee", "cat"))
    spec, said = f"{tmp_path}/{{SPAN}}", list[str]()
    both = load_dataset(spec, spans=2, validation=0.5, note=said.append)
    assert both.class_names == ("ant", "bee", "cat") and said[0] == "spans: 1, 2"
    paths = {name: set(both.splits[name].paths) for name in PARTS}
    assert sum(map(len, paths.values())) == 60 + 90
    _fill(tmp_path / "3", 60)
    three = load_dataset(spec, spans=0, validation=0.5, note=said.append)
    older = set.union(*paths.values())
    for name in PARTS:
        assert set(three.splits[name].paths) & older == paths[name]
    config = ExampleGenConfig(spec, spans=2)
    assert [folder.name for folder in ExampleGen.reads(config)] == ["2", "3"]


def test_spans_of_different_layouts(tmp_path: Path) -> None:
    _fill(tmp_path / "1", 0)
    _fill(tmp_path / "2" / "train", 0)
    _fill(tmp_path / "2" / "test", 50)
    with pytest.raises(InputError, match=r"2: must have the parts of .*1 \(train\)\. Received: train, test"):
        load_dataset(f"{tmp_path}/{{SPAN}}", spans=2, note=lambda text: None)
