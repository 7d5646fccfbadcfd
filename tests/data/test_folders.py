"""Folders of classes: layouts, formats, damaged pictures, names."""

import unicodedata

import numpy as np
import pytest
from PIL import Image

from nst_keras.data.datasets import load_dataset
from nst_keras.data.settings import PARTS
from nst_keras.errors import InputError


def quiet(_):
    pass


def save(path, value, size=(6, 8), mode="RGB"):
    """A picture of one value with a pixel of another, so that it isn't plain."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = size
    pixels = np.full((height, width), value, np.uint8)
    pixels[0, 0] = 255 - value
    image = Image.fromarray(pixels).convert(mode)
    if mode == "RGB":
        image.putpixel((1, 0), (255, 0, 0))
    image.save(path)


def make(root, classes=("ant", "bee"), count=20, **options):
    for label, name in enumerate(classes):
        for number in range(count):
            save(root / name / f"{number:03}.png", 10 + label * count + number, **options)
    return root


def values(dataset, split):
    images, labels = dataset.splits[split].arrays()
    return {(int(image[-1, -1, 0]), int(label)) for image, label in zip(images, labels, strict=True)}


def test_folder_of_classes_is_cut_in_three(tmp_path):
    dataset = load_dataset(str(make(tmp_path / "set")), note=quiet)
    assert dataset.class_names == ("ant", "bee")
    assert dataset.image_shape == (6, 8, 3)
    assert dataset.split_by == "content"
    train, validation, test = (values(dataset, name) for name in ("train", "validation", "test"))
    assert train | validation | test == {(10 + i, i // 20) for i in range(40)}
    assert len(train) + len(validation) + len(test) == 40
    for split in dataset.splits.values():
        assert np.bincount(split.arrays()[1]).min() >= 1
        # Classes come mixed: a shuffle buffer smaller than the set is enough.
        assert split.size < 8 or np.any(np.diff(split.arrays()[1][: split.size // 2]))


def test_pictures_keep_their_side_when_others_come_go_and_are_renamed(tmp_path):
    root = make(tmp_path / "set", count=30)
    (root / "bee" / "double.png").write_bytes((root / "bee" / "000.png").read_bytes())
    before = {
        name: values(dataset, name) for dataset in [load_dataset(str(root), note=quiet)] for name in PARTS
    }
    assert sum(map(len, before.values())) == 60, "doubles lie on one side"
    (root / "ant" / "003.png").unlink()
    (root / "ant" / "007.png").rename(root / "ant" / "zz.png")
    (root / "bee").rename(root / "wasp")
    save(root / "ant" / "new.png", 200)
    dataset = load_dataset(str(root), note=quiet)
    after = {name: values(dataset, name) for name in PARTS}
    for name in PARTS:
        assert after[name] - {(200, 0)} == before[name] - {(13, 0)}


def test_the_cut_of_older_versions_can_still_be_had(tmp_path):
    root = str(make(tmp_path / "set"))
    dataset = load_dataset(root, split_by="position", note=quiet)
    assert [dataset.splits[name].size for name in PARTS] == [28, 4, 8]
    with pytest.raises(InputError, match=r"hash_buckets are cut by content or appearance. Received"):
        load_dataset(root, split_by="position", hash_buckets={"train": 1}, note=quiet)


def test_each_example_knows_its_file(tmp_path):
    dataset = load_dataset(str(make(tmp_path / "set")), note=quiet)
    for split in dataset.splits.values():
        for path, image in zip(split.paths, split.arrays()[0], strict=True):
            assert np.asarray(Image.open(path))[-1, -1, 0] == image[-1, -1, 0]


def test_order_and_fingerprint_do_not_depend_on_place_or_seed_of_order(tmp_path):
    one = load_dataset(str(make(tmp_path / "one")), note=quiet)
    other = load_dataset(str(make(tmp_path / "other")), note=quiet)
    assert one.fingerprint == other.fingerprint
    np.testing.assert_array_equal(one.splits["train"].arrays()[0], other.splits["train"].arrays()[0])
    save(tmp_path / "other" / "ant" / "000.png", 99)
    assert load_dataset(str(tmp_path / "other"), note=quiet).fingerprint != one.fingerprint
    assert load_dataset(str(tmp_path / "one"), seed=1, note=quiet).fingerprint != one.fingerprint


def test_given_parts_are_kept(tmp_path):
    make(tmp_path / "train")
    make(tmp_path / "validation", count=3)
    make(tmp_path / "test", classes=("bee",), count=2)
    dataset = load_dataset(str(tmp_path), note=quiet)
    assert {name: split.size for name, split in dataset.splits.items()} == {
        "train": 40,
        "validation": 6,
        "test": 2,
    }
    assert dataset.splits["test"].arrays()[1].tolist() == [1, 1]


def test_validation_is_cut_when_only_the_test_is_given(tmp_path):
    make(tmp_path / "train")
    make(tmp_path / "test", count=2)
    dataset = load_dataset(str(tmp_path), note=quiet)
    assert dataset.splits["train"].size + dataset.splits["validation"].size == 40
    assert dataset.splits["validation"].size >= 2 and dataset.splits["test"].size == 4


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tif", ".gif"])
def test_formats(tmp_path, suffix):
    for name in ("ant", "bee"):
        for number in range(3):
            save(tmp_path / name / f"{number}{suffix}", 50 * number, mode="L")
    dataset = load_dataset(str(tmp_path), note=quiet)
    assert dataset.image_shape == (6, 8, 1)
    assert dataset.skipped == ()


def test_gray_stays_gray_until_one_is_coloured(tmp_path):
    make(tmp_path, mode="L")
    assert load_dataset(str(tmp_path), note=quiet).image_shape == (6, 8, 1)
    save(tmp_path / "ant" / "coloured.png", 77)
    assert load_dataset(str(tmp_path), note=quiet).image_shape == (6, 8, 3)


def test_pictures_are_turned_upright(tmp_path):
    make(tmp_path, mode="L")
    path = tmp_path / "ant" / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # a camera held on its side
    Image.fromarray(np.zeros((8, 6), np.uint8)).save(path, exif=exif)
    # 6x8 as the others only if it is turned.
    assert load_dataset(str(tmp_path), note=quiet).image_shape == (6, 8, 1)


def test_transparency_lies_over_white(tmp_path):
    make(tmp_path, mode="L")
    Image.new("LA", (8, 6), (0, 0)).save(tmp_path / "bee" / "clear.png")
    dataset = load_dataset(str(tmp_path), note=quiet)
    assert any((255, 1) in values(dataset, name) for name in dataset.splits)


def test_unequal_sizes_become_the_median_at_most_128(tmp_path):
    make(tmp_path, count=4, size=(600, 400), mode="L")
    save(tmp_path / "ant" / "small.png", 1, size=(30, 20), mode="L")
    notes = []
    dataset = load_dataset(str(tmp_path), note=notes.append)
    assert dataset.image_shape == (128, 85, 1)
    assert "128x85" in notes[-1] and "--image_size" in notes[-1]
    assert dataset.splits["train"].arrays()[0].shape[1:] == (128, 85, 1)


def test_image_size_cuts_around_the_middle(tmp_path):
    for name in ("ant", "bee"):
        for number in range(3):
            pixels = np.zeros((10, 30), np.uint8)
            pixels[:, 10:20] = 200 + number
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    dataset = load_dataset(str(tmp_path), image_size=(5, 5), note=quiet)
    assert dataset.splits["train"].arrays()[0].min() >= 200


def test_names_in_any_script(tmp_path):
    root = make(tmp_path / "bilder 图", classes=("Äpfel", "番茄", "melón"))
    dataset = load_dataset(str(root), note=quiet)
    assert dataset.class_names == ("melón", "Äpfel", "番茄")
    assert dataset.splits["train"].arrays()[0].shape[1:] == (6, 8, 3)


def test_accents_spelled_in_two_ways_are_the_same_class(tmp_path):
    make(tmp_path / "train", classes=(unicodedata.normalize("NFD", "melón"), "pera"))
    make(tmp_path / "test", classes=(unicodedata.normalize("NFC", "melón"), "pera"), count=2)
    assert load_dataset(str(tmp_path), note=quiet).class_names == ("melón", "pera")


def test_damaged_pictures_are_listed_and_counted(tmp_path, capsys):
    make(tmp_path)
    (tmp_path / "ant" / "000.png").write_bytes(b"not a picture")
    whole = (tmp_path / "bee" / "001.png").read_bytes()
    (tmp_path / "bee" / "001.png").write_bytes(whole[: len(whole) // 2])
    dataset = load_dataset(str(tmp_path))
    assert [file.path for file in dataset.skipped] == [
        str(tmp_path / "ant" / "000.png"),
        str(tmp_path / "bee" / "001.png"),
    ]
    assert "not a picture" in dataset.skipped[0].reason
    assert sum(split.size for split in dataset.splits.values()) == 38
    assert "pictures left out: 2: " in capsys.readouterr().err


def test_strict_names_the_damaged_ones(tmp_path):
    make(tmp_path)
    for number in range(7):
        (tmp_path / "ant" / f"{number:03}.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"ant/000.png: is empty.*ant/004.png: is empty; and 2 more"):
        load_dataset(str(tmp_path), strict=True, note=quiet)


def test_hidden_files_and_other_files_are_no_pictures(tmp_path):
    make(tmp_path)
    (tmp_path / "ant" / ".hidden.png").write_bytes(b"")
    (tmp_path / "ant" / "notes.txt").write_text("")
    (tmp_path / ".cache").mkdir()
    (tmp_path / "README.md").write_text("")
    dataset = load_dataset(str(tmp_path), strict=True, note=quiet)
    assert dataset.class_names == ("ant", "bee")


def test_a_name_goes_before_a_folder_and_says_so(tmp_path, monkeypatch):
    make(tmp_path / "digits")
    monkeypatch.chdir(tmp_path)
    notes = []
    assert load_dataset("digits", data_dir="data", note=notes.append).class_names == tuple("0123456789")
    assert "./digits" in notes[0]
    assert load_dataset("./digits", note=quiet).class_names == ("ant", "bee")


def flat(root):
    save(root / "one.png", 1)


def one_class(root):
    make(root, classes=("ant",))


def too_deep(root):
    make(root / "ant")


def empty_class(root):
    make(root)
    (root / "cat").mkdir()


def single_picture(root):
    make(root)
    save(root / "cat" / "only.png", 3)


def all_damaged(root):
    make(root, count=3)
    for path in root.glob("bee/*"):
        path.write_bytes(b"x")


def unknown_test_class(root):
    make(root / "train")
    make(root / "test", classes=("wasp",))


def folder_beside_train(root):
    make(root / "train")
    make(root / "extra")


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (flat, "must hold a folder for each class and the pictures in those. Received: picture one.png"),
        (one_class, "must hold at least two classes. Received: ant"),
        (too_deep, "must hold the pictures of one class and no folders.*Received: folder ant"),
        (empty_class, "cat: must hold a picture"),
        (single_picture, "class cat must have at least 3 different readable pictures .*Received: 1"),
        (all_damaged, "class bee must have at least 3 different readable pictures .*Received: 0"),
        (unknown_test_class, r"test: must hold the classes of train \(ant, bee\). Received: wasp"),
        (folder_beside_train, "nothing but train, validation, test when there is train. Received: extra"),
        (lambda root: root.mkdir(), "must hold a folder for each class. Received: no folder"),
        (lambda root: None, "does not exist"),
        (lambda root: root.write_text(""), "is neither a folder nor an archive"),
    ],
)
def test_layouts_that_cannot_be_used(tmp_path, build, message):
    root = tmp_path / "set"
    build(root)
    with pytest.raises(InputError, match=message):
        load_dataset(str(root), note=quiet)
