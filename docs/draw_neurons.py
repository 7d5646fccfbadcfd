"""Draws the pictures of docs/perceptron.md and docs/mlp.md, and of their Spanish sisters.

    python docs/draw_neurons.py

Every number comes from the estimators and from the written-out network; a run takes a few seconds.
"""

import warnings
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_digits, load_iris, make_moons
from sklearn.exceptions import ConvergenceWarning

from nst_keras.estimators import AdalineGD, MultilayerPerceptron, Perceptron, backpropagation
from nst_keras.reports.look import BLUE, INK, ORANGE, encode_png, in_our_look, new_figure
from nst_keras.storage.files import write_whole

IMAGES = Path(__file__).parent / "images"
# English and Spanish, by the suffix of the file.
TEXTS = {
    "": {
        "boundary": "Where the perceptron draws the line",
        "errors": "Updates in each epoch",
        "sepal": "sepal length [cm]",
        "petal": "petal length [cm]",
        "epoch": "epoch",
        "small": "eta = 0.01, standardized: it falls",
        "large": "eta = 0.01, raw: it explodes",
        "cost": "cost J",
        "line": "Perceptron",
        "curve": "16 hidden units",
        "loss": "Cost in training",
        "accuracy": "Accuracy",
        "train": "training",
        "test": "test",
    },
    "_es": {
        "boundary": "Dónde traza la línea el perceptrón",
        "errors": "Correcciones en cada época",
        "sepal": "largo del sépalo [cm]",
        "petal": "largo del pétalo [cm]",
        "epoch": "época",
        "small": "eta = 0.01, estandarizado: baja",
        "large": "eta = 0.01, en bruto: se dispara",
        "cost": "coste J",
        "line": "Perceptrón",
        "curve": "16 unidades ocultas",
        "loss": "Coste al entrenar",
        "accuracy": "Exactitud",
        "train": "entrenamiento",
        "test": "prueba",
    },
}


def main() -> None:
    """Writes all pictures to docs/images."""
    for suffix, texts in TEXTS.items():
        for draw in (perceptron_boundary, perceptron_adaline_cost, mlp_moons, mlp_training):
            path = IMAGES / f"{draw.__name__}{suffix}.png"
            write_whole(path, encode_png(draw(texts)))
            print(path)


def two_flowers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sepal and petal length [100, 2] of setosa and versicolor, class ids [100], and the names."""
    data = load_iris()
    return data.data[:100, [0, 2]], data.target[:100], data.target_names


@in_our_look
def perceptron_boundary(texts: dict[str, str]) -> Figure:
    """The perceptron's half planes on two measures of flowers, and its errors by epoch."""
    x, y, names = two_flowers()
    model = Perceptron(eta=0.1, n_iter=10, convention="notebook").fit(x, y)
    figure = new_figure(7.2, 3.0)
    left, right = figure.subplots(1, 2)
    _draw_regions(left, model, x, y, names)
    left.set_title(texts["boundary"])
    left.set_xlabel(texts["sepal"])
    left.set_ylabel(texts["petal"])
    left.legend(loc="upper left")
    _draw_course(right, model.errors_, texts["errors"], texts["epoch"])
    right.yaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


@in_our_look
def perceptron_adaline_cost(texts: dict[str, str]) -> Figure:
    """The cost of the same descent on standardized and on raw measures."""
    x, y, _ = two_flowers()
    standard = (x - x.mean(axis=0)) / x.std(axis=0)
    figure = new_figure(7.2, 2.7)
    left, right = figure.subplots(1, 2)
    _draw_course(left, AdalineGD(eta=0.01, n_iter=15).fit(standard, y).cost_, texts["small"], texts["epoch"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = AdalineGD(eta=0.01, n_iter=15).fit(x, y)
    _draw_course(right, model.cost_, texts["large"], texts["epoch"], color=ORANGE)
    right.set_yscale("log")
    right.yaxis.set_major_formatter("{x:.0e}")  # our look has no superscripts
    left.set_ylabel(texts["cost"])
    return figure


@in_our_look
def mlp_moons(texts: dict[str, str]) -> Figure:
    """What one unit can separate, and what a hidden layer can."""
    x, y = make_moons(200, noise=0.15, random_state=0)
    figure = new_figure(7.2, 2.9)
    left, right = figure.subplots(1, 2, sharey=True)
    network = MultilayerPerceptron((16,), eta=0.1, n_iter=100, random_state=0)
    for axes, model, title in ((left, Perceptron(), texts["line"]), (right, network, texts["curve"])):
        _draw_regions(axes, model.fit(x, y), x, y, ("0", "1"))
        axes.set_title(f"{title}: {model.score(x, y):.1%}")
    return figure


@in_our_look
def mlp_training(texts: dict[str, str]) -> Figure:
    """Cost and accuracy of the written-out network on the digits, as in docs/mlp.md."""
    x, y = load_digits(return_X_y=True)
    x = x / 16
    params = backpropagation.initialize([64, 32, 10], np.random.default_rng(0))
    costs, train, test = [], [], []
    for params, cost in backpropagation.train(params, x[:1400], y[:1400]):  # noqa: B020
        costs.append(cost)
        train.append(np.mean(backpropagation.predict(params, x[:1400]) == y[:1400]))
        test.append(np.mean(backpropagation.predict(params, x[1400:]) == y[1400:]))
    figure = new_figure(7.2, 2.7)
    left, right = figure.subplots(1, 2)
    _draw_course(left, costs, texts["loss"], texts["epoch"])
    _draw_course(right, train, texts["accuracy"], texts["epoch"], label=texts["train"])
    _draw_course(right, test, texts["accuracy"], texts["epoch"], color=ORANGE, label=texts["test"])
    right.legend(loc="lower right")
    return figure


def _draw_regions(
    axes: Axes, model: ClassifierMixin, x: np.ndarray, y: np.ndarray, names: tuple[str, ...]
) -> None:
    """Colours the plane by what a classifier of two classes says, and shows the examples."""
    low, high = x.min(axis=0) - 0.5, x.max(axis=0) + 0.5
    grid = np.meshgrid(*(np.linspace(*ends, 300) for ends in zip(low, high, strict=True)))
    net_inputs = model.decision_function(np.stack(grid, axis=-1).reshape(-1, 2)).reshape(grid[0].shape)
    axes.contourf(*grid, net_inputs > 0, levels=[-0.5, 0.5, 1.5], colors=[BLUE, ORANGE], alpha=0.15)
    axes.contour(*grid, net_inputs, levels=[0], colors=INK, linewidths=1)
    for label, (color, marker) in enumerate(((BLUE, "o"), (ORANGE, "s"))):
        axes.scatter(*x[y == label].T, s=12, c=color, marker=marker, label=names[label])


def _draw_course(
    axes: Axes, values: np.ndarray, title: str, epoch: str, *, color: str = BLUE, label: str = ""
) -> None:
    """A number for each epoch."""
    axes.plot(np.arange(1, len(values) + 1), values, marker="o", color=color, label=label)
    axes.set_title(title)
    axes.set_xlabel(epoch)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(True)


if __name__ == "__main__":
    main()
