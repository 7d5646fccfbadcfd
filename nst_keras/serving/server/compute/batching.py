"""Requests that arrive close together, answered by one call of the model."""

import threading
import time
from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import numpy as np

from nst_keras.serving.protocol.status_codes import ServingError

Arrays = Mapping[str, np.ndarray]
Compute = Callable[[Arrays], dict[str, np.ndarray]]


@dataclass
class _Member:
    """One request of a batch, and its answer."""

    inputs: Arrays
    rows: int
    outputs: dict[str, np.ndarray] = field(default_factory=dict)
    error: ServingError | None = None


class _Batch:
    """Requests that wait together; the first one's thread answers them all."""

    def __init__(self) -> None:
        self.members: list[_Member] = []
        self.full = threading.Event()
        self.done = threading.Event()

    @property
    def rows(self) -> int:
        return sum(member.rows for member in self.members)


class Batcher:
    """Puts requests with the same key together; their arrays are joined along the first axis.

    A request with more than `most_rows` is answered alone; the first one waits `timeout` seconds for others,
    then for a `worker`, until a moment of the monotonic clock, and others may still join meanwhile.
    """

    def __init__(
        self, most_rows: int, timeout: float, worker: Callable[[float], AbstractContextManager[None]]
    ) -> None:
        self._most_rows, self._timeout, self._worker = most_rows, timeout, worker
        self._open: dict[Hashable, _Batch] = {}
        self._lock = threading.Lock()

    def run(self, key: Hashable, inputs: Arrays, compute: Compute, deadline: float) -> dict[str, np.ndarray]:
        """Answers a request, perhaps with others of its key: same model, version, signature, inner shapes.

        If the model refuses a batch, each of its requests is tried alone: a bad one harms no other. Inputs
        have equally many rows; `compute` takes any number. Another's thread may take until the deadline.
        """
        member = _Member(inputs, len(next(iter(inputs.values()))))
        batch, leads = self._join(key, member)
        if leads:
            self._lead(key, batch, compute, deadline)
        elif not batch.done.wait(max(0, deadline - time.monotonic())):
            raise ServingError("DEADLINE_EXCEEDED", "the batch wasn't answered in time")
        if member.error:
            raise member.error
        if not member.outputs:
            raise ServingError("INTERNAL", "the batch wasn't answered")
        return member.outputs

    def _lead(self, key: Hashable, batch: _Batch, compute: Compute, deadline: float) -> None:
        batch.full.wait(min(self._timeout, max(0, deadline - time.monotonic())))
        try:
            with self._worker(deadline):
                self._close(key, batch)
                _answer(batch.members, compute)
        except ServingError as error:
            self._close(key, batch)  # nobody joins any more
            for member in batch.members:
                member.error = error
        finally:
            self._close(key, batch)
            batch.done.set()

    def _close(self, key: Hashable, batch: _Batch) -> None:
        with self._lock:
            if self._open.get(key) is batch:
                del self._open[key]

    def _join(self, key: Hashable, member: _Member) -> tuple[_Batch, bool]:
        with self._lock:
            batch = self._open.get(key)
            leads = batch is None or batch.rows + member.rows > self._most_rows
            if batch is None or leads:
                if batch:
                    batch.full.set()  # it goes without this one, which opens the next
                batch = self._open[key] = _Batch()
            batch.members.append(member)
            if batch.rows >= self._most_rows:
                batch.full.set()
                del self._open[key]
            return batch, leads


def _answer(members: list[_Member], compute: Compute) -> None:
    if len(members) > 1 and _answer_together(members, compute):
        return
    for member in members:
        try:
            member.outputs = compute(member.inputs)
        except ServingError as error:
            member.error = error


def _answer_together(members: list[_Member], compute: Compute) -> bool:
    """Answers all by one call; false if the model refuses, or the outputs haven't a row for each input."""
    names = members[0].inputs
    joined = {name: np.concatenate([member.inputs[name] for member in members]) for name in names}
    try:
        outputs = compute(joined)
    except ServingError:
        return False
    total = sum(member.rows for member in members)
    if any(array.ndim == 0 or len(array) != total for array in outputs.values()):
        return False
    start = 0
    for member in members:
        stop = start + member.rows
        member.outputs = {name: array[start:stop] for name, array in outputs.items()}
        start = stop
    return True
