"""Planted faults are found; clean data brings no warnings."""

import json

import numpy as np
import pytest
import tensorflow as tf

from nst_keras.data.checks import Duplicates, check_dataset
from nst_keras.data.image_dataset import ImageDataset, Split


def dataset(classes=3, paths=False, **parts):
    """A set from (images [n, h, w, c], labels [n]) of each part."""
    splits = {}
    for name, (images, labels) in parts.items():
        examples = tf.data.Dataset.from_tensor_slices((images, np.asarray(labels, np.int64)))
        names = tuple(f"{name}/{i}.png" for i in range(len(images))) if paths else ()
        splits[name] = Split(name, examples, len(images), names)
    names = tuple("abcdefgh"[:classes])
    return ImageDataset("made", names, tuple(images.shape[1:]), splits, "0" * 64)


def noise(count, seed, shape=(5, 4, 1)):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape)).astype(np.uint8)


@pytest.fixture
def parts():
    labels = np.arange(12) % 3
    return {
        name: (noise(12, seed), labels.copy()) for seed, name in enumerate(("train", "validation", "test"))
    }


def test_clean_data(parts):
    checks = check_dataset(dataset(**parts))
    assert checks.warnings == ()
    assert checks.counts == {"train": (4, 4, 4), "validation": (4, 4, 4), "test": (4, 4, 4)}
    assert checks.imbalance == 1.0
    assert checks.label_range == (0, 2)
    assert checks.image_shape == (5, 4, 1)
    assert json.loads(json.dumps(checks.as_dict()))["counts"]["train"] == [4, 4, 4]


def test_test_pictures_in_train_are_counted_and_located(parts):
    parts["test"][0][[3, 7]] = parts["train"][0][[5, 10]]
    checks = check_dataset(dataset(**parts))
    # Labels are position modulo 3: 5 and 3 differ, 10 and 7 agree.
    assert checks.duplicates["train/test"] == Duplicates(2, 1, ((5, 3), (10, 7)))
    assert checks.duplicates["validation/test"].count == 0
    assert checks.warnings == (
        "2 of 12 pictures of test are in train too, such as train[5] and test[3].",
        "1 of these have another label than their double.",
    )


def test_warnings_name_files_where_there_are_files(parts):
    parts["test"][0][3] = parts["train"][0][6]
    (warning,) = check_dataset(dataset(paths=True, **parts)).warnings
    assert "train/6.png and test/3.png" in warning


def test_repeats_within_a_part(parts):
    parts["train"][0][[4, 8]] = parts["train"][0][0]
    found = check_dataset(dataset(**parts)).duplicates["train"]
    assert found == Duplicates(2, 2, ((0, 4), (0, 8)))


def test_plain_pictures(parts):
    images = noise(12, 9, (5, 4, 3))
    images[2] = [200, 30, 30]  # one colour, though its channels differ
    images[3, :, :, :] = 0
    parts["train"] = (images, parts["train"][1])
    others = {
        name: (noise(12, seed, (5, 4, 3)), parts[name][1]) for seed, name in enumerate(("validation", "test"))
    }
    checks = check_dataset(dataset(train=parts["train"], **others))
    assert checks.constant == {"train": 2, "validation": 0, "test": 0}
    assert "Pictures of train that are one plain colour: 2." in checks.warnings


def test_imbalance(parts):
    parts["train"] = (noise(33, 5), [0] * 30 + [1, 2, 2])
    checks = check_dataset(dataset(**parts))
    assert checks.imbalance == 30.0
    assert checks.warnings == ("a has 30 times as many training pictures as b.",)


def test_missing_class(parts):
    parts["test"] = (noise(6, 6), [0, 0, 0, 2, 2, 2])
    assert check_dataset(dataset(**parts)).warnings == ("test has no picture of b.",)
    parts["train"] = (noise(6, 7), [0, 0, 0, 2, 2, 2])
    assert check_dataset(dataset(**parts)).imbalance is None


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_out_of_range(parts, label):
    parts["train"][1][0] = label
    checks = check_dataset(dataset(**parts))
    assert f"Labels must go from 0 to 2, but go from {min(label, 0)} to {max(label, 2)}." in checks.warnings


def test_large_sets_are_streamed_with_the_same_findings(parts, monkeypatch):
    parts["test"][0][3] = parts["train"][0][6]
    kept = check_dataset(dataset(**parts))
    monkeypatch.setattr("nst_keras.data.checks._KEPT_BYTES", 1)
    streamed = dataset(**parts)
    assert check_dataset(streamed) == kept
    assert not any("_arrays" in vars(split) for split in streamed.splits.values())
