"""Examples as files: they come back as they were, and damage is named."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nst_keras.classifiers.job import read_and_check
from nst_keras.errors import InputError
from nst_keras.storage.files import file_digest
from pipelines.examples.files import (
    Example,
    ExampleInfo,
    decode_picture,
    encode_picture,
    name_of,
    naming_damage,
    read_dataset,
    read_info,
    read_pictures,
    read_shard,
    shard_name,
    shard_paths,
    write_info,
    write_shard,
)
from pipelines.kinds import Examples

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 4, 5, 3), np.uint8)
FOUND = [Example(f"übung/{n}.png", encode_picture(pixels), n % 2) for n, pixels in enumerate(PIXELS)]


@pytest.fixture
def examples(tmp_path: Path) -> Examples:
    counts = {}
    for split, found in (("train", FOUND[:6]), ("validation", FOUND[6:9]), ("test", FOUND[9:])):
        parts = found[:2], found[2:]
        counts[split] = tuple(
            write_shard(tmp_path / shard_name(split, n, 2), part) for n, part in enumerate(parts)
        )
    write_info(tmp_path, ExampleInfo("noise", ("even", "odd"), (4, 5, 3), counts))
    return Examples(tmp_path)


def test_everything_comes_back(examples: Examples) -> None:
    assert read_info(examples).splits["train"] == (2, 4)
    read = [one for path in shard_paths(examples, "train") for one in read_shard(path)]
    assert read == FOUND[:6]
    names, pictures = zip(*read_pictures(examples, "test"), strict=True)
    assert list(names) == [one.name for one in FOUND[9:]]
    np.testing.assert_array_equal(pictures, PIXELS[9:])


def test_a_dataset_for_training(examples: Examples) -> None:
    dataset = read_dataset(examples)
    images, labels = dataset.splits["train"].arrays()
    np.testing.assert_array_equal(images, PIXELS[:6])
    assert labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert (dataset.image_shape, dataset.class_names) == ((4, 5, 3), ("even", "odd"))
    before = dataset.fingerprint
    assert read_dataset(examples).fingerprint == before
    write_shard(shard_paths(examples, "train")[0], FOUND[1::-1])
    assert read_dataset(examples).fingerprint != before, "other contents, another fingerprint"


def test_the_same_examples_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        assert write_shard(tmp_path / name, iter(FOUND)) == len(FOUND)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_an_unfinished_shard_is_not_there(tmp_path: Path) -> None:
    def breaks():
        yield FOUND[0]
        raise InputError("a picture can't be read")

    with pytest.raises(InputError, match="can't be read"):
        write_shard(tmp_path / "shard", breaks())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match=r"nowhere does not exist"):
        write_shard(tmp_path / "nowhere" / "shard", FOUND)


def _flip(data: bytes) -> bytes:
    return data[:60] + bytes([data[60] ^ 1]) + data[61:]


def _whole_records_only(data: bytes) -> bytes:
    # Length (8 bytes), its checksum (4), the record, its checksum (4).
    return data[: 16 + int.from_bytes(data[:8], "little")]


def _with_digests(examples: Examples) -> ExampleInfo:
    info = read_info(examples)
    digests = {split: tuple(map(file_digest, shard_paths(examples, split))) for split in info.splits}
    write_info(examples.path, replace(info, digests=digests))
    return read_info(examples)


def test_a_dataset_with_digests_is_opened_without_reading_it(examples: Examples) -> None:
    assert len(_with_digests(examples).digests["train"][0]) == 64
    before = read_dataset(examples).fingerprint
    content = {path: path.read_bytes() for path in shard_paths(examples, "train")}
    for path in content:
        path.write_bytes(b"no shard")
    dataset = read_dataset(examples)
    assert (dataset.fingerprint, dataset.splits["train"].size) == (before, 6)
    for path, data in content.items():
        path.write_bytes(data)
    np.testing.assert_array_equal(dataset.splits["train"].arrays()[0], PIXELS[:6])
    write_shard(shard_paths(examples, "train")[0], FOUND[1::-1])
    _with_digests(examples)
    assert read_dataset(examples).fingerprint != before, "other contents, another fingerprint"


def _read_for_training(examples: Examples) -> None:
    info = read_info(examples)
    write_info(examples.path, replace(info, digests=dict.fromkeys(info.splits, ("0",) * 2)))
    with naming_damage(examples):
        read_and_check(read_dataset(examples))


@pytest.mark.parametrize("damage", [_flip, lambda data: data[:-3], _whole_records_only])
@pytest.mark.parametrize(
    "read", [read_dataset, lambda examples: list(read_pictures(examples, "train")), _read_for_training]
)
def test_a_damaged_shard_is_named(examples: Examples, damage: Callable, read: Callable) -> None:
    shard = shard_paths(examples, "train")[1]
    shard.write_bytes(damage(shard.read_bytes()))
    with pytest.raises(InputError, match=r"train-00001-of-00002\.tfrecord: .*run the stage"):
        read(examples)


def test_missing_files_are_named(examples: Examples) -> None:
    shard_paths(examples, "test")[0].unlink()
    with pytest.raises(InputError, match=r"test-00000-of-00002\.tfrecord: does not exist"):
        read_dataset(examples)
    with pytest.raises(InputError, match=r"must have the split extra\. Received: train, validation, test"):
        shard_paths(examples, "extra")
    (examples.path / "info.json").write_text('{"name": 1}')
    with pytest.raises(InputError, match=r"info\.json: is damaged"):
        read_info(examples)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_shape": None}, "must hold pictures of one size; the stage Transform"),
        ({"class_names": []}, "must have labels"),
        ({"splits": {"train": [2, 4]}}, "must have the split validation"),
    ],
)
def test_what_cannot_be_trained_on(examples: Examples, change: dict, message: str) -> None:
    path = examples.path / "info.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(InputError, match=message):
        read_dataset(examples)


def test_pictures(tmp_path: Path) -> None:
    gray = PIXELS[0, ..., :1]
    np.testing.assert_array_equal(decode_picture(encode_picture(gray)), gray)
    np.testing.assert_array_equal(decode_picture(encode_picture(gray), 3), np.repeat(gray, 3, axis=2))
    with pytest.raises(InputError, match="cannot be decoded"):
        decode_picture(b"no picture")
    assert name_of("a\udce9b") == "a\\xe9b", "a name that isn't valid text"
