"""Features on disk: what was put is there, by picture and by the way it was made."""

from pathlib import Path

import numpy as np
import pytest

from nst_keras.classifiers.fine_tuning.feature_store import FeatureStore, picture_key
from nst_keras.errors import InputError

MADE_BY = {"base": "vgg19", "layer": "pool5"}


def test_vectors_come_back_in_another_process_run(tmp_path: Path) -> None:
    vectors = {bytes([number]) * 32: np.arange(4, dtype=np.float32) + number for number in range(200)}
    store = FeatureStore(MADE_BY, tmp_path)
    store.put(vectors)
    store.close()
    again = FeatureStore(MADE_BY, tmp_path)
    found = again.get([*vectors, b"unknown"])
    assert set(found) == set(vectors)
    for key, vector in vectors.items():
        np.testing.assert_array_equal(found[key], vector)
    again.close()


def test_another_way_of_making_has_another_file(tmp_path: Path) -> None:
    one, other = FeatureStore(MADE_BY, tmp_path), FeatureStore({**MADE_BY, "layer": "pool4"}, tmp_path)
    one.put({b"key": np.ones(3, np.float32)})
    assert other.get([b"key"]) == {}
    assert one.path != other.path
    for store in (one, other):
        store.close()


def test_more_keys_than_a_query_takes(tmp_path: Path) -> None:
    store = FeatureStore(MADE_BY, tmp_path)
    vectors = {f"{number:032}".encode(): np.full(2, number, np.float32) for number in range(1234)}
    store.put(vectors)
    assert len(store.get(list(vectors))) == 1234
    store.close()


def test_a_batch_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    store = FeatureStore(MADE_BY, tmp_path)
    with pytest.raises((ValueError, TypeError)):
        store.put({b"good": np.ones(2, np.float32), b"bad": "text"})  # type: ignore[dict-item]
    assert store.get([b"good"]) == {}
    store.close()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    store = FeatureStore(MADE_BY, tmp_path)
    store.close()
    store.path.write_bytes(b"no database" * 1000)
    with pytest.raises(InputError, match=rf"{store.path.name}.*delete it"):
        FeatureStore(MADE_BY, tmp_path)


def test_pictures_differ_by_pixels_and_by_shape() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(2, 6, 1)
    assert picture_key(image) == picture_key(image.copy())
    assert picture_key(image) != picture_key(image.reshape(6, 2, 1))
    assert picture_key(image) != picture_key(image + 1)
