import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from nst_keras.errors import InputError
from nst_keras.reports.look import encode_png
from nst_keras.reports.network import draw_network


def _parts(figure: Figure) -> tuple[list[str], int, int]:
    """Texts, number of units and number of connections."""
    (axes,) = figure.axes
    circles = [patch for patch in axes.patches if isinstance(patch, Circle)]
    return [text.get_text() for text in axes.texts], len(circles), len(axes.lines)


def test_one_layer_network() -> None:
    texts, units, connections = _parts(draw_network([3, 1]))
    assert texts == ["x1", "x2", "x3", "1", "input\n3 values", "y1", "output\n1 neuron"]
    assert (units, connections) == (5, 3 + 1)


def test_three_layer_network_has_a_bias_for_each_layer_but_the_last() -> None:
    texts, units, connections = _parts(draw_network([3, 4, 2]))
    assert {"x3", "a4", "y2", "hidden\n4 neurons"} <= set(texts)
    assert texts.count("1") == 2
    assert (units, connections) == (9 + 2, (3 + 1) * 4 + (4 + 1) * 2)
    assert _parts(draw_network([3, 4, 2], bias=False))[1:] == (9, 3 * 4 + 4 * 2)


def test_a_large_layer_is_shortened_and_says_so() -> None:
    texts, units, _ = _parts(draw_network([784, 9, 10], ["pixels", "features", "classes"], bias=False))
    assert {"x4", "⋮", "x782", "x784", "pixels\n784 values", "classes\n10 neurons"} <= set(texts)
    assert "x5" not in texts
    assert units == 3 * 7


def test_the_same_figure_gives_the_same_bytes() -> None:
    assert encode_png(draw_network([2, 1])) == encode_png(draw_network([2, 1]))


@pytest.mark.parametrize("sizes", [[], [3], [3, 0]])
def test_what_is_no_network(sizes: list[int]) -> None:
    with pytest.raises(InputError, match="layers must be two or more"):
        draw_network(sizes)


def test_names_that_are_too_few() -> None:
    with pytest.raises(InputError, match="layer_names must be 2"):
        draw_network([3, 1], ["input"])
