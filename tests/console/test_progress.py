"""How far a run is, and when it will be done."""

import pytest

from nst_keras.console import progress as module
from nst_keras.console.progress import Stopwatch, format_seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The present time, in seconds."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_the_first_step_of_each_stretch_is_not_timed(clock: list[float]) -> None:
    watch = Stopwatch((3, 1.0), (10, 4.0))
    told = []
    for step, seconds in enumerate([60, 1, 1, 90, 4, 4], start=1):
        clock[0] += seconds
        seen = watch.see(step)
        told.append((seen.seconds_per_step, seen.seconds_left))
    assert told == [(None, None), (1, 1 + 40), (1, 40), (None, None), (4, 32), (4, 28)]


def test_a_run_that_goes_on_counts_its_own_steps_alone(clock: list[float]) -> None:
    watch = Stopwatch((100, 1.0))
    watch.see(90)
    clock[0] += 6
    seen = watch.see(93)
    assert (seen.seconds_per_step, seen.seconds_left) == (2, 14)


def test_without_an_end_there_is_no_time_left(clock: list[float]) -> None:
    watch = Stopwatch((0, 1.0), unit="frame")
    watch.see(1)
    clock[0] += 0.5
    assert str(watch.see(2)) == "frame 2/?  0.50 s/frame"


def test_speed_in_images(clock: list[float]) -> None:
    watch = Stopwatch((20, 1.0), images_per_step=50)
    values = {"loss": 0.25, "accuracy": 0.91234}
    assert str(watch.see(1, "epoch 1", values)) == "step 1/20  epoch 1  loss 0.25  accuracy 0.9123"
    clock[0] += 2
    assert str(watch.see(2, "epoch 1")) == "step 2/20  epoch 1  25 images/s  ETA 0:36"


@pytest.mark.parametrize("seconds,text", [(5, "0:05"), (84, "1:24"), (3725, "1:02:05")])
def test_seconds(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text
