"""What a person sees while pictures are painted: a progress bar, and the picture so far in a notebook."""

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import numpy as np

from nst_keras.transfer.progress import OptimizationProgress as Progress

Callback = Callable[[Progress], bool | None]


def in_notebook() -> bool:
    """Whether a notebook runs this, which can show pictures."""
    shell = sys.modules.get("IPython")
    return shell is not None and hasattr(shell.get_ipython(), "kernel")


class LivePreview:
    """A callback that shows the picture so far in a notebook, in one place; elsewhere it does nothing."""

    def __init__(self, every: int = 10) -> None:
        """Shows every n-th step."""
        self._every = every
        self._place: Any = None

    def __call__(self, progress: Progress) -> None:
        """Sees a step."""
        last = progress.step == progress.num_steps
        if not in_notebook() or (progress.step % self._every and not last):
            return
        from IPython.display import display  # type: ignore[import-not-found]
        from PIL import Image

        picture = Image.fromarray(np.rint(np.clip(progress.state.image, 0, 255)).astype(np.uint8))
        if self._place is None or progress.step <= self._every:
            self._place = display(picture, display_id=True)
        else:
            self._place.update(picture)


class ProgressBar:
    """A bar over steps or pictures; None shows it where a person looks: at a terminal or in a notebook."""

    def __init__(self, total: int, unit: str, shown: bool | None) -> None:
        if in_notebook():
            from tqdm.notebook import tqdm
        else:
            from tqdm import tqdm
        hidden = not shown if shown is not None else not (in_notebook() or sys.stderr.isatty())
        self._bar = tqdm(total=total, unit=unit, disable=hidden, dynamic_ncols=True)

    def __enter__(self) -> Self:
        """Shows the bar."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends it; it stays to be seen."""
        self._bar.close()

    def advance(self, steps: int = 1, text: str = "") -> None:
        """Goes on, and shows numbers of the last step."""
        if text:
            self._bar.set_postfix_str(text, refresh=False)
        self._bar.update(steps)
