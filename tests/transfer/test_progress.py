"""What the optimiser's progress tells."""

from dataclasses import replace

import numpy as np
import pytest

from nst_keras.console import progress as module
from nst_keras.transfer.descent import State, plan_scales
from nst_keras.transfer.progress import StateWatch
from nst_keras.transfer.settings import StyleTransferSettings

CONTENT = np.zeros((30, 40, 3), np.float32)


def _state(scale: int, step: int) -> State:
    losses = {"content/relu4_2": 2.0, "style/relu1_1": 1.0, "style/relu2_1": 0.5, "total": 3.5}
    return State(scale, step, np.zeros((30, 40, 3), np.float32), losses=losses)


def test_time_left_counts_larger_sizes_as_dearer(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 2.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    settings = replace(StyleTransferSettings(), size=200, coarsest_size=100, num_steps=10, coarse_steps=4)
    watch = StateWatch(plan_scales(CONTENT, settings), margin=2)
    watch.see(_state(0, 1))
    seen = watch.see(_state(0, 2))
    assert (seen.step, seen.num_steps, seen.scale, seen.num_scales) == (2, 14, 1, 2)
    assert seen.seconds_per_step == 2.0
    # Two steps more at this size, ten at four times the pixels but for the margin; 10000 pixels are fixed.
    assert seen.seconds_left == pytest.approx(2.0 * (2 + 10 * (204 * 154 + 10000) / (104 * 79 + 10000)))
    assert str(seen) == ("step 2/14  40x30  total 3.5  content 2  style 1.5  2.00 s/step  ETA 0:49")
