import numpy as np
import pytest

from nst_keras.ops.confusion import class_scores, confusion_counts


def test_counts_and_scores_by_hand() -> None:
    counts = confusion_counts([0, 0, 0, 1, 1], [0, 0, 1, 1, 2], 3)
    np.testing.assert_array_equal(counts, [[2, 1, 0], [0, 1, 1], [0, 0, 0]])
    cat, dog, fish = class_scores(counts, ["cat", "dog", "fish"])
    assert (cat.name, cat.precision, cat.recall, cat.f1, cat.support) == ("cat", 1, 2 / 3, 0.8, 3)
    assert (dog.precision, dog.recall, dog.f1, dog.support) == (0.5, 0.5, 0.5, 2)
    assert (fish.precision, fish.recall, fish.f1, fish.support) == (0, 0, 0, 0)


def test_a_class_of_one_picture_that_is_hit() -> None:
    (only,) = class_scores(confusion_counts([0], [0], 1), ["cat"])
    assert (only.precision, only.recall, only.f1, only.support) == (1, 1, 1, 1)


@pytest.mark.parametrize("labels", [[], np.array([0, 19], np.uint8)])
def test_no_labels_and_small_integers_are_counted(labels: np.ndarray) -> None:
    assert confusion_counts(labels, labels, 20).nonzero()[0].tolist() == list(labels)


def test_every_class_needs_a_name() -> None:
    with pytest.raises(ValueError, match="longer"):
        class_scores(np.eye(2, dtype=int), ["cat"])


@pytest.mark.parametrize(
    "labels,predictions,message",
    [
        ([0, 1], [0], "must be of one length"),
        ([0, 3], [0, 1], r"labels must be in 0\.\.2\. Received: 0\.\.3"),
        ([0, 1], [0, -1], r"predictions must be in 0\.\.2\. Received: -1\.\.0"),
    ],
)
def test_what_cannot_be_counted(labels: list[int], predictions: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        confusion_counts(labels, predictions, 3)
