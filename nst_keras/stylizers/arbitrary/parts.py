"""The parts of stylizers of any painting, each imported when it is asked for."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nst_keras.stylizers.painter import Painter
    from nst_keras.stylizers.served import Served
    from nst_keras.stylizers.training.trainee import Trainee


def painter() -> "Callable[[str], Painter]":
    """See `architecture.Parts`."""
    from nst_keras.stylizers.arbitrary.painter import ArbitraryPainter

    return ArbitraryPainter


def served() -> "Callable[..., Served]":
    """See `architecture.Parts`."""
    from nst_keras.stylizers.arbitrary.served import serve

    return serve


def trainee() -> "Callable[..., Trainee]":
    """See `architecture.Parts`."""
    from nst_keras.stylizers.arbitrary.trainee import ArbitraryStyleTrainee

    return ArbitraryStyleTrainee
