import numpy as np
import pytest
from sklearn.datasets import load_digits

from nst_keras.data.datasets import load_dataset
from nst_keras.data.digits import test_mask as mask_of_test
from nst_keras.data.digits import to_bytes


def test_all_of_scikit_learns_digits_are_there(tmp_path):
    dataset = load_dataset("digits", data_dir=str(tmp_path), note=lambda _: None)
    images, labels = (
        np.concatenate(arrays)
        for arrays in zip(*(split.arrays() for split in dataset.splits.values()), strict=True)
    )
    found = sorted(
        (int(label), np.rint(image[..., 0] * (16 / 255)).astype(int).tolist())
        for image, label in zip(images, labels, strict=True)
    )
    digits = load_digits()
    assert found == sorted(
        (int(label), image.astype(int).tolist())
        for image, label in zip(digits.images, digits.target, strict=True)
    )
    assert dataset.class_names == tuple("0123456789")
    assert dataset.image_shape == (8, 8, 1)


def test_scale_reaches_both_ends_and_can_be_undone():
    scaled = to_bytes(np.arange(17))
    assert scaled.dtype == np.uint8 and scaled[0] == 0 and scaled[16] == 255
    np.testing.assert_array_equal(np.rint(scaled * (16 / 255)), np.arange(17))


@pytest.mark.parametrize("label", range(10))
def test_a_fifth_of_each_class_is_for_the_test(label):
    labels = load_digits().target
    share = mask_of_test(labels)[labels == label].mean()
    assert 0.19 < share <= 0.2
