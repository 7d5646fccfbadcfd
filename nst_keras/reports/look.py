"""What all figures share: colours, fonts, and PNG files that don't change from run to run."""

import io
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

INK = "#1f2933"
FAINT = "#7b8794"
GRID = "#e4e7eb"
PAPER = "#ffffff"
BLUE = "#2f6fab"
ORANGE = "#d9772b"
GREEN = "#3f8f5f"

# Sizes are in points at 100 dots per inch, where the smallest, 7, is 10 pixels high.
_SETTINGS: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.facecolor": PAPER,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.8,
    "lines.markersize": 3.5,
    "figure.dpi": 100,
    "figure.facecolor": PAPER,
    "savefig.bbox": None,
    "savefig.dpi": "figure",
    "savefig.facecolor": "auto",
    "text.usetex": False,
    "text.parse_math": False,  # names of classes may hold dollar signs
}


# A decorator. A user's own settings must neither change our figures nor be changed by them.
in_our_look = matplotlib.rc_context(_SETTINGS)


def new_figure(width: float, height: float, padding: float = 0.05) -> Figure:
    """An empty figure that no global list knows of; sizes in inches, of 100 pixels each."""
    layout = ConstrainedLayoutEngine(w_pad=padding, h_pad=padding)
    return Figure(figsize=(width, height), layout=layout)


def encode_png(figure: Figure) -> bytes:
    """Encodes a figure; equal figures give equal bytes, as neither date nor version is stored."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(_SETTINGS):
        # Ticks are made only now. `savefig` would draw twice.
        FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


def text_figure(text: str) -> Figure:
    """A figure that says why there is nothing to see."""
    figure = new_figure(6.0, 1.2)
    figure.text(0.5, 0.5, text, ha="center", va="center", color=FAINT, fontsize=10)
    return figure


def show_picture(
    axes: Axes, image: np.ndarray, extent: tuple[float, float, float, float] | None = None
) -> None:
    """Shows uint8 pixels [h, w, channels]: RGB as it is, any other number of channels by their mean.

    With an extent (left, right, bottom, top) it is one picture of several there.
    """
    axes.set_axis_off()
    for axis in (axes.xaxis, axes.yaxis):
        # Or the layout measures labels that nobody sees, which takes half of its time.
        axis.set_visible(False)
    if image.shape[-1] == 3:
        axes.imshow(image, extent=extent)
    else:
        axes.imshow(image.mean(axis=-1), cmap="gray", vmin=0, vmax=255, extent=extent)


def shorten(name: str, length: int) -> str:
    """Cuts a long name, with an ellipsis."""
    return name if len(name) <= length else name[: length - 1].rstrip() + "…"
