import itertools

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from nst_keras.reports.look import encode_png
from nst_keras.reports.training_plots import confident_mistakes, confusion_matrix, learning_curves


def _texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_curves_show_what_was_recorded() -> None:
    history = [
        {"epoch": 1, "loss": 2.0, "accuracy": 0.5, "val_loss": 2.5, "learning_rate": 0.1},
        {"epoch": 2, "loss": float("inf"), "val_loss": 1.5, "learning_rate": 0.05},
        {"epoch": 3, "loss": 0.5, "accuracy": 0.75, "val_loss": 1.0, "learning_rate": 0.025},
    ]
    figure = learning_curves(history)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Loss", "Accuracy", "Learning rate"]
    training, validation = figure.axes[0].lines
    assert training.get_label() == "training" and validation.get_label() == "validation"
    np.testing.assert_array_equal(training.get_ydata(), [2.0, np.nan, 0.5])
    np.testing.assert_array_equal(validation.get_xydata(), [[1, 2.5], [2, 1.5], [3, 1.0]])
    (accuracy,) = figure.axes[1].lines
    np.testing.assert_array_equal(accuracy.get_ydata(), [0.5, np.nan, 0.75])
    assert encode_png(figure)


@pytest.mark.parametrize("history", [[], [{"seconds": 3.0}]])
def test_curves_without_epochs_say_so(history: list) -> None:
    assert _texts(learning_curves(history)) == ["No epoch was recorded."]


def test_confusion_matrix_counts_true_by_predicted() -> None:
    figure = confusion_matrix(np.array([[2, 1, 0], [1, 1, 0], [0, 0, 1]]), ["cat", "dog", "$\\fish$"])
    (axes,) = figure.axes
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert cells == {(0, 0): "2", (1, 0): "1", (1, 1): "1", (0, 1): "1", (2, 2): "1"}
    assert "66.7% of 6 pictures are right" in _texts(figure)
    colors = np.asarray(axes.images[0].get_array())
    assert (colors[2, 0] == 1).all()  # nothing there: paper
    assert colors[0, 0, 2] > colors[0, 0, 0]  # right: blue
    assert colors[0, 1, 0] > colors[0, 1, 2]  # wrong: orange
    assert encode_png(figure)


def test_a_hundred_classes_are_all_named_and_do_not_overlap() -> None:
    names = [f"class {i}" for i in range(100)]
    figure = confusion_matrix(np.eye(100, dtype=int)[::-1], names)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    labels = [label for label in axes.get_yticklabels() if label.get_text()]
    assert [label.get_text() for label in labels] == names
    boxes = sorted((label.get_window_extent() for label in labels), key=lambda box: box.y0)
    assert all(lower.y1 <= upper.y0 + 0.5 for lower, upper in itertools.pairwise(boxes))
    assert min(box.height for box in boxes) >= 8  # pixels
    assert not axes.texts


def test_mistakes_are_the_surest_first() -> None:
    images = np.arange(6, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)
    probabilities = np.array([[0.9, 0.1], [0.3, 0.7], [0.2, 0.8], [0.6, 0.4], [0.05, 0.95], [0.45, 0.55]])
    labels = [0, 0, 0, 1, 1, 0]  # 1, 2, 3 and 5 are mistaken
    figure = confident_mistakes(images, labels, probabilities, ["cat", "dog"], count=3)
    (axes,) = figure.axes
    assert [int(image.get_array()[0, 0]) for image in axes.images] == [2, 1, 3]
    words = ["cat → dog", "0.800", "cat → dog", "0.700", "dog → cat", "0.600"]
    assert [text.get_text() for text in axes.texts] == words
    assert "The 3 surest of 4 mistakes" in figure.get_suptitle()


def test_mistakes_in_colour_and_none_at_all() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), dtype=np.uint8)
    figure = confident_mistakes(images, [1, 1], np.eye(2), ["a", "b"])
    (image,) = figure.axes[0].images
    np.testing.assert_array_equal(image.get_array(), images[0])
    assert _texts(confident_mistakes(images, [0, 1], np.eye(2), ["a", "b"])) == [
        "No mistakes among 2 pictures."
    ]


def test_the_settings_of_the_user_neither_matter_nor_change() -> None:
    history = [{"loss": 1.0}, {"loss": 0.5}]
    plain = encode_png(learning_curves(history))
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "savefig.bbox": "tight"}):
        assert encode_png(learning_curves(history)) == plain
        assert matplotlib.rcParams["font.size"] == 20
