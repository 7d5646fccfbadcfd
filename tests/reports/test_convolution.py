"""The numbers that stand in the pictures."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_array_equal

from nst_keras.errors import InputError
from nst_keras.ops.correlation import correlate
from nst_keras.reports.convolution import draw_convolution, draw_max_pooling


def _numbers(figure: Figure, label: str) -> np.ndarray:
    """The numbers on one of the axes, as they lie there."""
    (axes,) = [axes for axes in figure.axes if axes.get_label() == label]
    cells = {
        text.get_position(): float(text.get_text().replace("\N{MINUS SIGN}", "-"))
        for text in axes.texts
        if text.get_gid() == "cell"
    }
    columns, rows = (len({position[i] for position in cells}) for i in (0, 1))
    return np.array([[cells[column, row] for column in range(columns)] for row in range(rows)])


def _lines(figure: Figure) -> list[str]:
    texts = [text.get_text() for text in figure.texts if len(text.get_text()) > 1]
    return [text.replace("\N{MINUS SIGN}", "-") for text in reversed(texts)]


def test_the_5x5_image_under_a_2x2_filter() -> None:
    figure = draw_convolution()
    image, kernel = _numbers(figure, "image"), _numbers(figure, "kernel")
    assert image.shape == (5, 5)
    assert_array_equal(kernel, [[-1, 1], [-1, 1]])
    result = _numbers(figure, "result")
    assert_array_equal(result, [[1, 3, -4, 0], [1, 3, -4, 0], [0, 4, -4, 0], [1, 3, -3, -1]])
    assert_array_equal(result, correlate(image, kernel))
    # The largest is worked out: rows 2 and 3, columns 1 and 2 of the image.
    assert _lines(figure) == ["0·(-1) + 2·1 + 0·(-1) + 2·1 = 4"]
    assert_array_equal(image[2:4, 1:3], [[0, 2], [0, 2]])


def test_every_position_is_worked_out_rightly() -> None:
    image, kernel = [[1, 2, 3], [4, 5, 6], [7, 8, 9]], [[1, -2], [0, 3]]
    for position, expected in np.ndenumerate(correlate(image, kernel)):
        (line,) = _lines(draw_convolution(image, kernel, position=position))
        terms, total = line.split(" = ")
        assert float(total) == expected
        products = [term.replace("(", "").replace(")", "").split("·") for term in terms.split(" + ")]
        assert sum(float(a) * float(b) for a, b in products) == expected


def test_same_padding_shows_its_zeros_and_a_large_kernel_takes_a_line_a_row() -> None:
    figure = draw_convolution([[5]], np.ones((3, 3)), padding="same")
    assert_array_equal(_numbers(figure, "image"), [[0, 0, 0], [0, 5, 0], [0, 0, 0]])
    assert_array_equal(_numbers(figure, "result"), [[5]])
    assert _lines(figure) == ["0·1 + 0·1 + 0·1 +", "0·1 + 5·1 + 0·1 +", "0·1 + 0·1 + 0·1 = 5"]


def test_max_pooling() -> None:
    figure = draw_max_pooling([[1, 2, -5, -6], [3, 4, -7, -8]])
    assert_array_equal(_numbers(figure, "result"), [[4, -5]])
    assert _lines(figure) == ["max(1, 2, 3, 4) = 4"]
    second = draw_max_pooling([[1, 2, -5, -6], [3, 4, -7, -8]], position=(0, 1))
    assert _lines(second) == ["max(-5, -6, -7, -8) = -5"]


def test_pooling_goes_on_from_the_convolution() -> None:
    assert_array_equal(_numbers(draw_max_pooling(), "image"), _numbers(draw_convolution(), "result"))
    assert_array_equal(_numbers(draw_max_pooling(stride=1), "result").shape, (3, 3))


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(InputError, match=r"position must lie in 0\.\.3,0\.\.3. Received: position=\(4, 0\)"):
        draw_convolution(position=(4, 0))
    with pytest.raises(InputError, match=r"at most 20 numbers a side. Received: 21"):
        draw_max_pooling(np.zeros((2, 21)))
    with pytest.raises(InputError, match="kernel must fit"):
        draw_convolution(kernel=np.zeros((6, 6)))
