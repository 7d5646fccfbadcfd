"""Draws the picture of docs/debugging.md and of its Spanish sister.

    python docs/draw_debugging.py

Every number comes from the checks and from training; a run takes about half a minute.
"""

from pathlib import Path

import keras
import numpy as np
from matplotlib.figure import Figure

from nst_keras.data.datasets import load_dataset
from nst_keras.diagnosis.diagnostics import diagnose
from nst_keras.reports.look import BLUE, FAINT, GREEN, ORANGE, encode_png, in_our_look, new_figure
from nst_keras.storage.files import write_whole

IMAGES = Path(__file__).parent / "images"
TEXTS = {
    "": {
        "flow": "Gradient by layer",
        "layer": "layer",
        "rms": "root mean square",
        "learn": "16 pictures by heart",
        "step": "step",
        "loss": "loss",
        "healthy": "healthy",
        "twice": "softmax twice",
        "high": "1000 times the learning rate",
        "floor": "ln(1 + 9/e)",
    },
    "_es": {
        "flow": "Gradiente por capa",
        "layer": "capa",
        "rms": "media cuadrática",
        "learn": "16 imágenes de memoria",
        "step": "paso",
        "loss": "pérdida",
        "healthy": "sana",
        "twice": "softmax dos veces",
        "high": "tasa de aprendizaje por 1000",
        "floor": "ln(1 + 9/e)",
    },
}


def network(activation: str, hidden: int, *ends: keras.layers.Layer) -> keras.Model:
    """A network of dense layers from 8x8 pixels to ten outputs; the same weights each time."""
    keras.utils.set_random_seed(0)
    start = "he_normal" if activation == "relu" else "glorot_uniform"
    layers = [keras.layers.Dense(32, activation, kernel_initializer=start) for _ in range(hidden)]
    scale = keras.layers.Rescaling(1 / 127.5, offset=-1)
    first = [keras.Input((8, 8, 1)), scale, keras.layers.Flatten()]
    return keras.Sequential([*first, *layers, keras.layers.Dense(10), *ends])


def gradients(activation: str, images: np.ndarray, labels: np.ndarray) -> list[float]:
    """Root mean squares of the gradients of ten hidden layers and the last one."""
    (finding,) = diagnose(network(activation, 10), images, labels, checks=["gradient_flow"]).findings
    return [row["gradient"] for row in finding.table]


def losses(model: keras.Model, rate: float, images: np.ndarray, labels: np.ndarray) -> list[float]:
    """Loss before each of 100 steps on one batch."""
    logits = not isinstance(model.layers[-1], keras.layers.Softmax)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=logits)
    model.compile(keras.optimizers.Adam(rate), loss)
    return model.fit(images, labels, batch_size=len(images), epochs=100, verbose=0).history["loss"]


@in_our_look
def draw(flows: dict[str, list[float]], curves: dict[str, list[float]], text: dict[str, str]) -> Figure:
    """Gradients by layer on the left, losses on the right."""
    figure = new_figure(8.4, 3.2)
    left, right = figure.subplots(1, 2)
    for (name, values), color in zip(flows.items(), (BLUE, ORANGE), strict=True):
        left.semilogy(range(1, len(values) + 1), values, "o-", color=color, label=name)
    left.set(title=text["flow"], xlabel=text["layer"], ylabel=text["rms"], xticks=range(1, 12))
    left.legend()
    for (name, values), color in zip(curves.items(), (GREEN, ORANGE, BLUE), strict=True):
        right.semilogy(values, color=color, label=text[name])
    floor = np.log(1 + 9 / np.e)
    right.axhline(floor, color=FAINT, linewidth=1, linestyle=":")
    right.annotate(text["floor"], (80, floor), (0, -12), textcoords="offset points", color=FAINT, fontsize=8)
    right.set(title=text["learn"], xlabel=text["step"], ylabel=text["loss"], ylim=(5e-3, None))
    right.legend()
    for axes in (left, right):
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")  # our look has no math in labels
    return figure


def main() -> None:
    """Writes docs/images/debugging.png and debugging_es.png."""
    images, labels = load_dataset("digits").splits["train"].arrays()
    flows = {name: gradients(name, images[:300], labels[:300]) for name in ("relu", "sigmoid")}
    batch = images[:16], labels[:16]
    softmax = keras.layers.Softmax
    curves = {
        "healthy": losses(network("relu", 1), 5e-3, *batch),
        "twice": losses(network("relu", 1, softmax(), softmax()), 5e-3, *batch),
        "high": losses(network("relu", 1), 5.0, *batch),
    }
    for suffix, text in TEXTS.items():
        write_whole(IMAGES / f"debugging{suffix}.png", encode_png(draw(flows, curves, text)))


if __name__ == "__main__":
    main()
