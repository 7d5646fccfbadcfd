"""Photos to train on, from folders and sets of tensorflow-datasets."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds

from nst_keras.data.photos import load_photos
from nst_keras.errors import InputError
from nst_keras.pictures.images import write_image


def _load(spec: Path | str, notes: list[str] | None = None, **changes: object) -> list[np.ndarray]:
    options = {"longest_side": 64, "most": 100, "note": (notes if notes is not None else []).append}
    return load_photos(str(spec), **{**options, **changes})  # type: ignore[arg-type]


def _write_set(data_dir: Path, features: dict, examples: list[dict]) -> None:
    tfds.dataset_builders.store_as_tfds_dataset(
        name="snapshots",
        version="1.0.0",
        features=tfds.features.FeaturesDict(features),
        split_datasets={"train": list(enumerate(examples))},
        data_dir=str(data_dir),
        disable_shuffling=True,
    )


def test_a_photo_is_found_by_the_link_that_has_its_suffix(tmp_path: Path) -> None:
    """As stores of data lay files out: contents by their hash, and links with the names."""
    (tmp_path / "blobs").mkdir()
    (tmp_path / "photos").mkdir()
    write_image(tmp_path / "blobs" / "a.png", np.full((20, 20, 3), 80))
    (tmp_path / "blobs" / "a.png").rename(tmp_path / "blobs" / "3fa9")
    for name in ("x.png", "y.png"):
        (tmp_path / "photos" / name).symlink_to("../blobs/3fa9")
    (tmp_path / "photos" / "z.png").symlink_to("z.png")
    assert len(_load(tmp_path)) == 1


def test_a_folder_with_all_that_is_below_it(tmp_path: Path) -> None:
    for number, name in enumerate(("b.png", "a/deep/down.png", "c.jpg", ".hidden.png")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(tmp_path / name, np.full((40, 100 * (number + 1), 3), 50 * number))
    (tmp_path / "broken.png").write_text("no picture")
    (tmp_path / "notes.txt").write_text("no picture")
    notes: list[str] = []
    photos = _load(tmp_path, notes)
    assert [photo.dtype for photo in photos] == [np.uint8] * 3
    assert [round(float(photo.mean())) for photo in photos] == [50, 0, 100], "sorted by path"
    assert [photo.shape for photo in photos] == [(13, 64, 3), (26, 64, 3), (9, 64, 3)]
    assert len(notes) == 1
    assert notes[0].startswith(f"left out: {tmp_path / 'broken.png'}")
    assert len(_load(tmp_path, most=2)) == 2


def test_small_photos_are_not_enlarged(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    write_image(tmp_path / "small.png", image)
    (photo,) = _load(tmp_path)
    np.testing.assert_array_equal(photo, image)


def test_a_set_of_tensorflow_datasets(tmp_path: Path) -> None:
    pictures = [np.full((20 + i, 30, 3), 40 * i, np.uint8) for i in range(4)]
    _write_set(tmp_path, {"image": tfds.features.Image()}, [{"image": picture} for picture in pictures])
    photos = _load("snapshots", data_dir=str(tmp_path), most=3)
    for photo, picture in zip(photos, pictures[:3], strict=True):
        np.testing.assert_array_equal(photo, picture)


def test_gray_pictures_of_a_set_become_rgb(tmp_path: Path) -> None:
    image = np.arange(20 * 20, dtype=np.uint8).reshape(20, 20, 1)
    _write_set(tmp_path, {"image": tfds.features.Image(shape=(20, 20, 1))}, [{"image": image}])
    (photo,) = _load("snapshots", data_dir=str(tmp_path))
    np.testing.assert_array_equal(photo, image.repeat(3, axis=2))


def test_a_set_without_pictures(tmp_path: Path) -> None:
    _write_set(tmp_path, {"text": tfds.features.Text()}, [{"text": "a"}])
    with pytest.raises(InputError, match=r"snapshots: must have the feature 'image'\. Received: text"):
        _load("snapshots", data_dir=str(tmp_path))


def test_a_folder_without_pictures(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_text("no picture")
    with pytest.raises(InputError, match="must hold a picture, but none can be read"):
        _load(tmp_path)
