"""The list of architectures: one row each, and nothing else in the house tells them apart."""

import re
from pathlib import Path

import pytest

import nst_keras
from nst_keras.errors import InputError
from nst_keras.stylizers.architecture import ARCHITECTURES, architecture_trained_by
from nst_keras.stylizers.training.plan import TRAINABLE, settings_for


def test_nothing_but_its_row_and_its_folder_knows_an_architecture() -> None:
    root = Path(nst_keras.__file__).parent
    names = re.compile(rf"\b({'|'.join(ARCHITECTURES)})\b")
    # Of an old file, the header doesn't say what it is.
    known = {root / "stylizers" / name for name in ("architecture.py", "archive.py")}
    rooms = (*(root / name for name in ("cli", "export", "serving", "stylizers")), root.parent / "pipelines")
    paths = [path for room in rooms for path in room.rglob("*.py") if path.parent.name not in ARCHITECTURES]
    assert len(paths) > 100
    assert not [path for path in paths if path not in known and names.search(path.read_text())]


@pytest.mark.parametrize("name", TRAINABLE)
def test_settings_are_those_of_the_architecture(name: str) -> None:
    settings = settings_for(name, {"num_steps": 3, "seed": None})
    assert settings == TRAINABLE[name](num_steps=3)
    assert architecture_trained_by(settings) is ARCHITECTURES[name]


@pytest.mark.parametrize(
    ("architecture", "changes", "message"),
    [
        ("arbitrary", {"warmup": 0.1}, "warmup is for architecture=multi_style only"),
        ("multi_style", {"decay": 0.1}, "decay is for architecture=arbitrary only"),
        ("arbitrary", {"crop_size": 8}, "crop_size must be a whole number, at least 64"),
        ("other", {}, "architecture must be one of multi_style, arbitrary"),
    ],
)
def test_bad_settings_are_named(architecture: str, changes: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        settings_for(architecture, changes)
