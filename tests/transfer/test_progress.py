"""The progress line."""

import io
from dataclasses import replace

import numpy as np
import pytest

from nst_keras.console.status_line import format_seconds
from nst_keras.transfer import progress as module
from nst_keras.transfer.descent import State
from nst_keras.transfer.progress import ProgressLine, Stopwatch, describe
from nst_keras.transfer.settings import StyleTransferSettings

CONTENT = np.zeros((30, 40, 3), np.float32)


def _state(scale: int, step: int) -> State:
    losses = {"content/relu4_2": 2.0, "style/relu1_1": 1.0, "style/relu2_1": 0.5, "total": 3.5}
    return State(scale, step, np.zeros((30, 40, 3), np.float32), losses=losses)


def test_time_left_counts_larger_sizes_as_dearer(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 2.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    settings = replace(StyleTransferSettings(), size=200, coarsest_size=100, num_steps=10, coarse_steps=4)
    watch = Stopwatch(CONTENT, settings)
    watch.see(_state(0, 1))
    seen = watch.see(_state(0, 2))
    assert (seen.step, seen.num_steps, seen.scale, seen.num_scales) == (2, 14, 1, 2)
    assert seen.seconds_per_step == 2.0
    # Two steps more at this size, ten at four times the pixels.
    assert seen.seconds_left == pytest.approx(2.0 * (2 + 10 * 4))
    assert describe(seen) == ("step 2/14  40x30  total 3.5  content 2  style 1.5  2.00 s/step  ETA 1:24")


def test_lines_are_rare_in_a_log_but_the_last_step_is_always_there() -> None:
    stream = io.StringIO()
    line, watch = ProgressLine(stream), Stopwatch(CONTENT, StyleTransferSettings(size=64, num_steps=50))
    for step in range(1, 51):
        line(watch.see(_state(0, step)))
    lines = stream.getvalue().splitlines()
    assert [text.split()[1] for text in lines] == ["1/50", "50/50"]


@pytest.mark.parametrize("seconds,text", [(5, "0:05"), (84, "1:24"), (3725, "1:02:05")])
def test_seconds(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text
