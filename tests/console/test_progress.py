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
    assert told == [(None, None), (1, 1 + 40), (1, 40), (None, 36), (4, 32), (4, 28)]


@pytest.mark.parametrize("fixed", [0.0, 6000.0, 15000.0, 1e7])
def test_time_left_of_several_sizes_is_right_before_the_last(clock: list[float], fixed: float) -> None:
    """From the second size on whatever a step costs, and from the first if that was guessed well."""
    stretches = [(100, 128 * 85), (100, 256 * 171), (150, 512 * 341)]
    costs = [1e-5 * (size + fixed) for steps, size in stretches for _ in range(steps)]
    watch = Stopwatch(*stretches, fixed=10000)
    for step, seconds in enumerate(costs, start=1):
        clock[0] += seconds
        left = watch.see(step).seconds_left
        if step > 101 or (step >= 10 and 6000 <= fixed <= 15000):
            assert left == pytest.approx(sum(costs[step:]), rel=0.2)


def test_time_left_where_large_sizes_cost_more_than_their_share(clock: list[float]) -> None:
    """Seconds a step of VGG-19 at 128, 256 and 512 pixels, as measured on 2 cores with small caches."""
    stretches = [(100, 128 * 96), (100, 256 * 192), (150, 512 * 384)]
    costs = [
        cost for (steps, _), cost in zip(stretches, (0.51, 1.04, 4.05), strict=True) for _ in range(steps)
    ]
    watch = Stopwatch(*stretches, fixed=10000)
    for step, seconds in enumerate(costs, start=1):
        clock[0] += seconds
        left = watch.see(step).seconds_left
        if step >= 10:
            assert left == pytest.approx(sum(costs[step:]), rel=0.2)


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
