"""What a stylizer makes of a photo in a moment, for the optimiser to begin with; this loads no TensorFlow."""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nst_keras.pictures.masks import Region
from nst_keras.stylizers.by_name import load_painter, stylizer_for
from nst_keras.stylizers.engines.settings import TENSORFLOW
from nst_keras.stylizers.painter import PaintedPart
from nst_keras.stylizers.settings import FastSettings

if TYPE_CHECKING:
    from nst_keras.stylizers.painter import Painter


def painted_at_once(
    content: np.ndarray, styles: Sequence[np.ndarray], regions: Sequence[Region]
) -> np.ndarray:
    """Paints a content [H, W, 3] on 0..255 as float32 of its size, each region after its blend of paintings.

    That is by the network that paints after any painting, which is fetched at first use. It looks at whole
    paintings, whatever masks they have.

    Raises:
        InputError: If the network can't be fetched, or a picture has sides of less than 16 pixels.
    """
    painter = _painter(stylizer_for(styles))
    parts = [PaintedPart(region.mask, painter.blend(styles, region.blend)) for region in regions]
    return painter.paint_parts(content, parts, FastSettings(size=0))


@functools.lru_cache(maxsize=1)
def _painter(stylizer: str) -> "Painter":
    return load_painter(stylizer, TENSORFLOW)  # which runs already
