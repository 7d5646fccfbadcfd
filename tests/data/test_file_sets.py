"""Files are looked at and cut without TensorFlow."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nst_keras.data.file_sets import Source, read_file_set
from nst_keras.data.load_options import LoadOptions
from nst_keras.data.settings import APPEARANCE, PARTS
from nst_keras.errors import InputError


def _save_scene(root: Path, number: int, name: str, size: tuple[int, int] = (64, 48), **options: Any) -> None:
    cells = np.random.default_rng(number).integers(40, 216, (5, 7, 3), np.uint8)
    path = root / ("ant", "bee")[number % 2] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(cells).resize((64, 48)).resize(size).save(path, **options)


def test_copies_lie_on_one_side_by_appearance_whatever_comes_and_goes(tmp_path: Path) -> None:
    notes: list[str] = []

    def sides() -> dict[str, str]:
        options = LoadOptions(None, 0.3, 0, notes.append, APPEARANCE)
        dataset = read_file_set(Source(str(tmp_path)), options, strict=True)
        assert dataset.split_by == APPEARANCE
        assert not [note for note in notes if "lend" in note]
        return {Path(str(file)).name: name for name in PARTS for file in dataset.splits[name].files}

    for number in range(40):
        _save_scene(tmp_path, number, f"{number}.png")
    before = sides()
    assert {before[f"{number}.png"] for number in range(40)} == set(PARTS)
    (tmp_path / "ant" / "0.png").unlink()
    (tmp_path / "bee" / "1.png").rename(tmp_path / "bee" / "zz.png")
    for number in range(2, 40):
        _save_scene(tmp_path, number, f"small{number}.jpg", (48, 36), quality=80)
    after = sides()
    assert after["zz.png"] == before["1.png"]
    assert all(after[f"{number}.png"] == before[f"{number}.png"] for number in range(2, 40))
    together = [after[f"small{number}.jpg"] == before[f"{number}.png"] for number in range(2, 40)]
    assert sum(together) >= 37, "a copy of a scene near a threshold may lie elsewhere"


def test_a_class_of_copies_is_too_few_to_be_cut_by_appearance(tmp_path: Path) -> None:
    for number in range(8):
        _save_scene(tmp_path, number, f"{number}.png")
    for quality in range(90, 98):
        _save_scene(tmp_path, 0, f"copy{quality}.jpg", quality=quality)
        (tmp_path / "ant" / f"copy{quality}.jpg").rename(tmp_path / "bee" / f"copy{quality}.jpg")
    for path in (tmp_path / "bee").glob("*.png"):
        path.unlink()
    options = LoadOptions(None, 0.1, 0, lambda note: None, APPEARANCE)
    with pytest.raises(InputError, match=r"class bee must have at least 3 different .* Received: 1"):
        read_file_set(Source(str(tmp_path)), options, strict=True)
