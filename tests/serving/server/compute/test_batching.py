"""Joining requests: who goes together, how long anyone waits, what a bad request does to the others."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest

from nst_keras.serving.protocol.status_codes import ServingError
from nst_keras.serving.server.compute.batching import Batcher

FOREVER = 60.0  # what would be waited for if nothing else happened
PATIENCE = 10.0  # for a busy machine


class Model:
    """Doubles, and notes the rows of each call; refuses numbers below 0."""

    def __init__(self) -> None:
        self.calls: list[list[float]] = []

    def __call__(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        self.calls.append(inputs["x"].tolist())
        if (inputs["x"] < 0).any():
            raise ServingError("INVALID_ARGUMENT", "numbers must not be negative")
        return {"y": 2 * inputs["x"]}


class Worker:
    """Lets nobody compute until it is told to; `waiting` counts who came."""

    def __init__(self) -> None:
        self.free, self.waiting, self.deadlines = threading.Event(), threading.Semaphore(0), []

    @contextlib.contextmanager
    def __call__(self, deadline: float) -> Iterator[None]:
        self.deadlines.append(deadline)
        self.waiting.release()
        if not self.free.wait(max(0, deadline - time.monotonic())):
            raise ServingError("DEADLINE_EXCEEDED", "no worker was free in time")
        yield


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def pool(worker: Worker) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads
        worker.free.set()


def _run(
    batcher: Batcher, model: Callable, *numbers: float, key: object = "k", seconds: float = FOREVER
) -> list:
    found = batcher.run(key, {"x": np.array(numbers)}, model, time.monotonic() + seconds)
    return found["y"].tolist()


def _ask(
    pool: ThreadPoolExecutor, batcher: Batcher, model: Callable, *rows: list[float], **more: object
) -> list[Future]:
    """Sends requests one after the other, each when the one before has joined its batch."""
    futures = []
    for numbers in rows:
        joined = threading.Event()
        join = batcher._join

        def note(*arguments: object, join: Callable = join, joined: threading.Event = joined) -> object:
            found = join(*arguments)
            joined.set()
            return found

        batcher._join = note
        futures.append(pool.submit(_run, batcher, model, *numbers, **more))
        assert joined.wait(PATIENCE)
        batcher._join = join
    return futures


def test_a_batch_has_no_more_rows_than_it_may(pool: ThreadPoolExecutor, worker: Worker, model: Model) -> None:
    batcher = Batcher(4, FOREVER, worker)
    futures = _ask(pool, batcher, model, [1, 2], [3, 4, 5], [6], [7, 8])
    worker.free.set()
    # The second and third fill a batch; the first went without them, and the last waits for others in vain.
    assert [future.result(PATIENCE) for future in futures[:3]] == [[2, 4], [6, 8, 10], [12]]
    assert sorted(model.calls) == [[1, 2], [3, 4, 5, 6]]
    assert not futures[3].done()
    assert _run(batcher, model, 9, 10) == [18, 20]
    assert futures[3].result(PATIENCE) == [14, 16]
    assert model.calls[2] == [7, 8, 9, 10]


def test_what_is_larger_than_a_batch_goes_alone_and_at_once(
    pool: ThreadPoolExecutor, worker: Worker, model: Model
) -> None:
    worker.free.set()
    batcher = Batcher(2, FOREVER, worker)
    assert _run(batcher, model, 1, 2, 3) == [2, 4, 6]
    assert _run(batcher, model, 4, 5) == [8, 10]
    assert model.calls == [[1, 2, 3], [4, 5]]


def test_the_first_waits_no_longer_than_its_time(
    pool: ThreadPoolExecutor, worker: Worker, model: Model
) -> None:
    worker.free.set()
    for timeout, deadline in ((0.01, FOREVER), (FOREVER, 0.01)):
        future = pool.submit(_run, Batcher(8, timeout, worker), model, 1, seconds=deadline)
        assert future.result(PATIENCE) == [2]


def test_a_batch_that_went_is_not_joined(pool: ThreadPoolExecutor, worker: Worker, model: Model) -> None:
    worker.free.set()
    batcher = Batcher(8, 0.0, worker)
    assert [_run(batcher, model, number) for number in range(3)] == [[0], [2], [4]]
    assert model.calls == [[0], [1], [2]]
    later: list[Future] = []

    def compute(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        if not later:  # somebody comes while the first batch is computed
            later.extend(_ask(pool, batcher, model, [5]))
        return model(inputs)

    worker.free.clear()
    first = _ask(pool, batcher, compute, [3], [4])
    worker.free.set()
    assert [future.result(PATIENCE) for future in first] == [[6], [8]]
    assert later[0].result(PATIENCE) == [10]
    assert sorted(model.calls[3:]) == [[3, 4], [5]]


def test_others_join_while_the_first_waits_for_a_worker(
    pool: ThreadPoolExecutor, worker: Worker, model: Model
) -> None:
    batcher = Batcher(8, 0.0, worker)
    first = _ask(pool, batcher, model, [1])
    worker.waiting.acquire()
    others = _ask(pool, batcher, model, [2], [3])
    worker.free.set()
    assert [future.result(PATIENCE) for future in first + others] == [[2], [4], [6]]
    assert model.calls == [[1, 2, 3]]


def test_requests_with_other_keys_stay_apart(pool: ThreadPoolExecutor, worker: Worker, model: Model) -> None:
    batcher = Batcher(2, FOREVER, worker)
    one = _ask(pool, batcher, model, [1], key="one")
    other = _ask(pool, batcher, model, [2], key="other")
    worker.free.set()
    assert _run(batcher, model, 3, key="one") == [6]
    assert one[0].result(PATIENCE) == [2]
    assert _run(batcher, model, 4, key="other") == [8]
    assert other[0].result(PATIENCE) == [4]
    assert model.calls == [[1, 3], [2, 4]]


def test_who_joined_waits_until_its_own_deadline(
    pool: ThreadPoolExecutor, worker: Worker, model: Model
) -> None:
    batcher = Batcher(2, FOREVER, worker)
    first = _ask(pool, batcher, model, [1])
    with pytest.raises(ServingError, match=r"^the batch wasn't answered in time$") as caught:
        _run(batcher, model, 2, seconds=0.05)
    assert caught.value.code == "DEADLINE_EXCEEDED"
    worker.free.set()
    assert first[0].result(PATIENCE) == [2]


def test_without_a_worker_each_waits_until_its_own_deadline(
    pool: ThreadPoolExecutor, worker: Worker, model: Model
) -> None:
    batcher = Batcher(4, 0.0, worker)
    first = _ask(pool, batcher, model, [1], seconds=1.5)
    short = _ask(pool, batcher, model, [2], seconds=1)
    patient = _ask(pool, batcher, model, [3])
    with pytest.raises(ServingError, match="the batch wasn't answered in time"):
        short[0].result(PATIENCE)
    with pytest.raises(ServingError, match="no worker was free in time"):
        first[0].result(PATIENCE)
    for _ in range(2):
        assert worker.waiting.acquire(timeout=PATIENCE)
    assert worker.deadlines[0] + FOREVER / 2 < worker.deadlines[1], "another one leads, with its own deadline"
    later = _ask(pool, batcher, model, [4])
    worker.free.set()
    assert [future.result(PATIENCE) for future in patient + later] == [[6], [8]]
    assert model.calls == [[3, 4]], "who gave up isn't computed"


def test_a_batch_in_which_all_gave_up_is_joined_by_nobody(
    pool: ThreadPoolExecutor, worker: Worker, model: Model
) -> None:
    batcher = Batcher(3, 0.0, worker)
    for future in _ask(pool, batcher, model, [1], [2], seconds=0.5):
        with pytest.raises(ServingError, match="in time") as caught:
            future.result(PATIENCE)
        assert caught.value.code == "DEADLINE_EXCEEDED"
    worker.free.set()
    assert _run(batcher, model, 3) == [6], "the next ones are answered"
    assert model.calls == [[3]]


def test_a_bad_request_harms_no_other(pool: ThreadPoolExecutor, worker: Worker, model: Model) -> None:
    worker.free.set()
    futures = _ask(pool, Batcher(3, FOREVER, worker), model, [1], [-1], [2])
    with pytest.raises(ServingError, match="must not be negative"):
        futures[1].result(PATIENCE)
    assert [futures[0].result(PATIENCE), futures[2].result(PATIENCE)] == [[2], [4]]
    assert model.calls == [[1, -1, 2], [1], [-1], [2]]


@pytest.mark.parametrize("outputs", [{"y": np.float32(1)}, {"y": np.zeros(3)}, {"y": np.zeros(5)}])
def test_outputs_that_cannot_be_shared_out(
    pool: ThreadPoolExecutor, worker: Worker, outputs: dict[str, np.ndarray]
) -> None:
    """A model that sums its rows is asked again for each request alone."""
    worker.free.set()
    calls = []

    def compute(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        calls.append(len(inputs["x"]))
        return outputs if len(inputs["x"]) == 4 else {"y": inputs["x"]}

    futures = _ask(pool, Batcher(4, FOREVER, worker), compute, [1, 2], [3, 4])
    assert [future.result(PATIENCE) for future in futures] == [[1, 2], [3, 4]]
    assert calls == [4, 2, 2]


def test_all_arrays_of_a_request_are_joined(pool: ThreadPoolExecutor, worker: Worker) -> None:
    worker.free.set()
    batcher = Batcher(3, FOREVER, worker)

    def compute(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"sum": inputs["a"] + inputs["b"].sum(axis=1), "a": inputs["a"]}

    def ask(first: list[float], second: list[list[float]]) -> dict[str, np.ndarray]:
        inputs = {"a": np.array(first), "b": np.array(second)}
        return batcher.run("k", inputs, compute, time.monotonic() + FOREVER)

    one, two = pool.submit(ask, [1], [[10, 20]]), pool.submit(ask, [2, 3], [[1, 2], [3, 4]])
    assert {name: array.tolist() for name, array in one.result(PATIENCE).items()} == {"sum": [31], "a": [1]}
    assert {name: array.tolist() for name, array in two.result(PATIENCE).items()} == {
        "sum": [5, 10],
        "a": [2, 3],
    }


def test_a_model_that_breaks_leaves_nobody_waiting(pool: ThreadPoolExecutor, worker: Worker) -> None:
    worker.free.set()

    def broken(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        raise RuntimeError("out of luck")

    first, second = _ask(pool, Batcher(2, FOREVER, worker), broken, [1], [2])
    with pytest.raises(RuntimeError, match="out of luck"):
        first.result(PATIENCE)
    with pytest.raises(ServingError, match=r"^the batch wasn't answered$") as caught:
        second.result(PATIENCE)
    assert caught.value.code == "INTERNAL"


def test_who_is_alone_is_answered_once(worker: Worker) -> None:
    """Whatever the outputs look like."""
    worker.free.set()
    calls = []

    def compute(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        calls.append(inputs["x"].tolist())
        return {"y": inputs["x"].sum()}

    assert _run(Batcher(2, FOREVER, worker), compute, 1, 2) == 3
    assert calls == [[1, 2]]
