"""The painter that a stylizer's file asks for."""

from nst_keras.stylizers.arbitrary.painter import ArbitraryPainter
from nst_keras.stylizers.archive import ARBITRARY, read_architecture
from nst_keras.stylizers.painter import Painter

AnyPainter = Painter | ArbitraryPainter


def load_painter(stylizer: str = "") -> AnyPainter:
    """Reads a stylizer of either kind: a file, or "" for the one that comes with the package.

    Raises:
        InputError: If it can't be read.
    """
    if read_architecture(stylizer) == ARBITRARY:
        return ArbitraryPainter(stylizer)
    return Painter(stylizer)
