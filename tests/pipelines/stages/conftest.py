"""Real artifacts, small: digits as examples, and classifiers that were trained on them."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from sklearn.datasets import load_digits

from nst_keras.data.digits import test_mask as of_the_test
from nst_keras.data.digits import to_bytes
from pipelines.engine.stage import Artifact, Context
from pipelines.examples.files import (
    Example,
    ExampleInfo,
    encode_picture,
    shard_name,
    write_info,
    write_shard,
)
from pipelines.kinds import Examples, Model
from pipelines.stages.trainer import TrainerConfig, train

A = TypeVar("A", bound=Artifact)

SHARDS = 2


@pytest.fixture
def new(tmp_path: Path) -> Callable[..., Artifact]:
    """Makes an empty output."""

    def make(kind: type[A], name: str = "") -> A:
        path = tmp_path / (name or kind.__name__)
        path.mkdir()
        return kind(path)

    return make


def write_examples(
    folder: Path, splits: dict[str, list[Example]], class_names: tuple[str, ...], shape: tuple | None
) -> Examples:
    """Writes examples in two shards a split."""
    folder.mkdir(exist_ok=True)
    counts = {}
    for split, found in splits.items():
        parts = [found[number::SHARDS] for number in range(SHARDS)]
        counts[split] = tuple(
            write_shard(folder / shard_name(split, number, SHARDS), part) for number, part in enumerate(parts)
        )
    write_info(folder, ExampleInfo("digits", class_names, shape, counts))
    return Examples(folder)


def _write_digits(folder: Path, train: int, validation: int, test: int) -> Examples:
    """So many of scikit-learn's, 8x8, in the splits of `load_dataset`."""
    found = load_digits()
    images, is_test = to_bytes(found.images)[..., np.newaxis], of_the_test(found.target)
    examples = [
        Example(f"digit{number:04}", encode_picture(image), int(label))
        for number, (image, label) in enumerate(zip(images, found.target, strict=True))
    ]
    rest = [example for example, its in zip(examples, is_test, strict=True) if not its]
    splits = {
        "train": rest[143:][:train],
        "validation": rest[:validation],
        "test": [example for example, its in zip(examples, is_test, strict=True) if its][:test],
    }
    return write_examples(folder, splits, tuple(map(str, range(10))), (8, 8, 1))


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """All of scikit-learn's."""
    return _write_digits(tmp_path_factory.mktemp("digits"), train=1299, validation=143, test=355)


@pytest.fixture(scope="session")
def few_digits(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """Enough where nothing has to be learned."""
    return _write_digits(tmp_path_factory.mktemp("few_digits"), train=120, validation=30, test=40)


@pytest.fixture(scope="session")
def classifier(digits: Examples, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A small network that knows its digits."""
    folder = tmp_path_factory.mktemp("classifier")
    model = Model(folder / "model")
    model.path.mkdir()
    config = TrainerConfig.of("mlp", "digits", epochs=6, batch_size=32)
    train(config, Context(folder / "scratch"), examples=digits, schema=None, model=model)
    return model


@pytest.fixture(scope="session")
def beginner(digits: Examples, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The same network after too short a training."""
    folder = tmp_path_factory.mktemp("beginner")
    model = Model(folder / "model")
    model.path.mkdir()
    config = TrainerConfig.of("mlp", "digits", epochs=1, batch_size=128, learning_rate=3e-4)
    train(config, Context(folder / "scratch"), examples=digits, schema=None, model=model)
    return model
