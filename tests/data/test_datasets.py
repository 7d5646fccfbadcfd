"""Sets of tensorflow-datasets by name: the digits, and an own set written to disk by tfds."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow_datasets as tfds

from nst_keras.data.datasets import load_dataset
from nst_keras.data.perceptual_hash import coarse_look, low_frequencies, perceptual_hash
from nst_keras.errors import InputError


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return str(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def digits(data_dir):
    return load_dataset("digits", data_dir=data_dir, note=lambda _: None)


def write_set(data_dir, name, features, examples):
    """Writes a prepared set as tfds does for people who have no builder."""
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version="1.0.0",
        features=tfds.features.FeaturesDict(features),
        split_datasets={name: list(enumerate(rows)) for name, rows in examples.items()},
        data_dir=data_dir,
        disable_shuffling=True,
    )


def rows(dataset, split):
    images, labels = dataset.splits[split].arrays()
    return {(image.tobytes(), int(label)) for image, label in zip(images, labels, strict=True)}


def test_pixels_are_streamed_as_they_are_kept(digits):
    for split in digits.splits.values():
        images, labels = split.arrays()
        assert images.shape == (split.size, *digits.image_shape)
        assert images.dtype == np.uint8 and labels.dtype == np.int64
        streamed = list(split.examples.as_numpy_iterator())
        np.testing.assert_array_equal([image for image, _ in streamed], images)
        np.testing.assert_array_equal([label for _, label in streamed], labels)
        assert len(split.examples) == split.size
        assert split.nbytes == images.nbytes
        assert split.fits_memory(images.nbytes) and not split.fits_memory(images.nbytes - 1)


def test_kept_arrays_cannot_be_changed_by_accident(digits):
    with pytest.raises(ValueError, match="read-only"):
        digits.splits["train"].arrays()[0][0] = 0


def test_parts_are_disjoint_and_balanced(digits):
    train, validation, test = (rows(digits, name) for name in ("train", "validation", "test"))
    assert not train & validation and not train & test and not validation & test
    assert len(train | validation | test) == 1797
    share = np.bincount(digits.splits["validation"].arrays()[1]) / (
        np.bincount(digits.splits["train"].arrays()[1]) + np.bincount(digits.splits["validation"].arrays()[1])
    )
    np.testing.assert_allclose(share, 0.1, atol=0.01)


def test_same_arguments_same_examples(digits, data_dir):
    again = load_dataset("digits", data_dir=data_dir)
    assert again.fingerprint == digits.fingerprint
    for name, split in digits.splits.items():
        np.testing.assert_array_equal(again.splits[name].arrays()[0], split.arrays()[0])


def test_another_seed_cuts_elsewhere_but_keeps_the_test(digits, data_dir):
    other = load_dataset("digits", data_dir=data_dir, seed=1)
    assert rows(other, "validation") != rows(digits, "validation")
    assert rows(other, "test") == rows(digits, "test")
    assert other.fingerprint != digits.fingerprint


def test_named_sets_are_cut_by_appearance_if_wanted(data_dir):
    dataset = load_dataset("digits", data_dir=data_dir, split_by="appearance", note=lambda _: None)
    sides = {}
    for name in ("train", "validation"):  # the set has a test of its own
        for image in dataset.splits[name].arrays()[0]:
            look = int(coarse_look(perceptual_hash(low_frequencies(image))))
            assert sides.setdefault(look, name) == name
    assert dataset.split_by == "appearance" and set(sides.values()) == {"train", "validation"}


def test_validation_fraction(data_dir):
    half = load_dataset("digits", data_dir=data_dir, validation=0.5)
    assert abs(half.splits["validation"].size - half.splits["train"].size) <= 10


def test_image_size_changes_shape_and_fingerprint(digits, data_dir):
    larger = load_dataset("digits", data_dir=data_dir, image_size=(12, 16))
    assert larger.image_shape == (12, 16, 1)
    assert larger.splits["test"].arrays()[0].shape[1:] == (12, 16, 1)
    assert larger.fingerprint != digits.fingerprint


def test_fingerprint_is_the_same_everywhere(digits, tmp_path):
    elsewhere = load_dataset("digits", data_dir=str(tmp_path), note=lambda _: None)
    assert elsewhere.fingerprint == digits.fingerprint


def test_preparing_says_one_line_and_only_once(tmp_path, capfd):
    load_dataset("digits", data_dir=str(tmp_path))
    out, err = capfd.readouterr()
    assert out == ""
    assert err == f"preparing digits/1.0.0 in {tmp_path / 'digits' / '1.0.0'} ...\n"
    load_dataset("digits", data_dir=str(tmp_path))
    assert capfd.readouterr() == ("", "")


def test_two_at_once_prepare_it_once(tmp_path):
    notes = []

    def load(_):
        return load_dataset("digits", data_dir=str(tmp_path), note=notes.append)

    # Threads stand for processes: the lock does not tell them apart.
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(load, range(2))
    assert one.fingerprint == other.fingerprint
    assert len(notes) == 1


def test_pictures_of_unequal_sizes_are_cut_and_resized(tmp_path):
    def picture(height, width, value):
        image = np.zeros((height, width, 3), np.uint8)
        image[:, width // 4 : -(width // 4)] = value
        return image

    examples = [{"image": picture(20, 40 + 4 * i, 200), "label": i % 2} for i in range(10)]
    features = {"image": tfds.features.Image(), "label": tfds.features.ClassLabel(names=["a", "b"])}
    write_set(tmp_path, "unequal", features, {"train": examples, "test": examples[:2]})
    notes = []
    dataset = load_dataset("unequal", data_dir=str(tmp_path), image_size=(10, 10), note=notes.append)
    # The square in the middle lies within the bright half.
    assert dataset.splits["train"].arrays()[0].min() == 200
    assert notes == []
    dataset = load_dataset("unequal", data_dir=str(tmp_path), note=notes.append)
    assert dataset.image_shape == (20, 58, 3)
    assert "20x58" in notes[0] and "--image_size" in notes[0]


def test_unlabelled_test_part_is_not_used(tmp_path):
    features = {
        "image": tfds.features.Image(shape=(4, 4, 1)),
        "label": tfds.features.ClassLabel(num_classes=2),
    }
    image = np.zeros((4, 4, 1), np.uint8)
    train = [{"image": image + i, "label": i % 2} for i in range(20)]
    validation = [{"image": image + 100 + i, "label": i % 2} for i in range(4)]
    test = [{"image": image + 200, "label": -1}]
    write_set(tmp_path, "contest", features, {"train": train, "validation": validation, "test": test})
    dataset = load_dataset("contest", data_dir=str(tmp_path))
    assert {name: split.size for name, split in dataset.splits.items()} == {
        "train": 18,
        "validation": 2,
        "test": 4,
    }
    assert dataset.splits["test"].arrays()[0].min() == 100


def test_set_with_nothing_but_train_gives_a_fifth_to_the_test(tmp_path):
    features = {
        "image": tfds.features.Image(shape=(4, 4, 1)),
        "label": tfds.features.ClassLabel(num_classes=2),
    }
    train = [{"image": np.full((4, 4, 1), i, np.uint8), "label": i % 2} for i in range(100)]
    write_set(tmp_path, "trainonly", features, {"train": train})
    dataset = load_dataset("trainonly", data_dir=str(tmp_path))
    assert [dataset.splits[name].size for name in ("train", "validation", "test")] == [72, 8, 20]
    values = [dataset.splits[name].arrays()[0][:, 0, 0, 0] for name in dataset.splits]
    assert sorted(np.concatenate(values).tolist()) == list(range(100))


def test_set_without_pictures_says_what_it_has(tmp_path):
    features = {"text": tfds.features.Text(), "label": tfds.features.ClassLabel(num_classes=2)}
    write_set(tmp_path, "reviews", features, {"train": [{"text": "good", "label": 1}]})
    with pytest.raises(
        InputError, match=r"features Image and ClassLabel.*label \(ClassLabel\), text \(Text\)"
    ):
        load_dataset("reviews", data_dir=str(tmp_path))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("fashion_mist", r"^fashion_mist: is neither a folder nor .*\. Did you mean fashion_mnist\?$"),
        ("digits:9.9.9", "9.9.9"),
        ("fashion_mnist/nonsense", "nonsense"),
        ("no such thing", "^no such thing: is neither a folder nor a data set"),
        ("picturs/", r"^picturs/: is neither a folder nor .*\. Did you mean pictures/\?$"),
        ("", "an empty name: is neither"),
    ],
)
def test_unknown_names(spec, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()
    with pytest.raises(InputError, match=message):
        load_dataset(spec, data_dir=str(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"validation": 0.0}, "validation must be above 0 and below 1. Received: validation=0.0"),
        ({"validation": 1.0}, "validation=1.0"),
        ({"seed": -1}, "seed must be an integer of at least 0"),
        ({"image_size": (0, 8)}, "image_size must be two positive integers"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    with pytest.raises(InputError, match=message):
        load_dataset("digits", **arguments)


def test_damaged_prepared_set_is_named(tmp_path):
    load_dataset("digits", data_dir=str(tmp_path), note=lambda _: None)
    (path,) = tmp_path.glob("digits/1.0.0/*train*tfrecord*")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"digits/1.0.0: is damaged: .*; remove it and run again"):
        load_dataset("digits", data_dir=str(tmp_path))


def test_data_dir_that_is_a_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(InputError, match="--data_dir"):
        load_dataset("digits", data_dir=str(path))
