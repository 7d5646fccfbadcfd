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


@dataclass(eq=False)
class _Member:
    """One request of a batch, and its answer."""

    inputs: Arrays
    rows: int
    deadline: float
    outputs: dict[str, np.ndarray] = field(default_factory=dict)
    error: ServingError | None = None
    leads: bool = False
    told: threading.Event = field(default_factory=threading.Event)  # that it leads, or is answered


class _Batch:
    """Requests that wait together; the thread of one of them, at first the first's, answers them all."""

    def __init__(self) -> None:
        self.members: list[_Member] = []
        self.full = threading.Event()
        self.is_closed = False  # nobody joins or leaves any more

    @property
    def rows(self) -> int:
        return sum(member.rows for member in self.members)


class Batcher:
    """Puts requests with the same key together; their arrays are joined along the first axis.

    A request with more than `most_rows` is answered alone; the first one waits `timeout` seconds for others,
    then for a `worker`, and others may still join meanwhile. Each waits until its own deadline: if the
    first one's has passed, another one waits for the worker.
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
        have equally many rows; `compute` takes any number. Another's thread may take until the deadline, a
        moment of the monotonic clock.
        """
        member = _Member(inputs, len(next(iter(inputs.values()))), deadline)
        batch = self._join(key, member)
        if not member.told.wait(max(0, deadline - time.monotonic())):
            self._leave(batch, member)
        if member.leads:
            self._lead(key, batch, compute, member)
        if member.error:
            raise member.error
        if not member.outputs:
            raise ServingError("INTERNAL", "the batch wasn't answered")
        return member.outputs

    def _lead(self, key: Hashable, batch: _Batch, compute: Compute, leader: _Member) -> None:
        batch.full.wait(min(self._timeout, max(0, leader.deadline - time.monotonic())))
        batch.full.set()  # whoever leads next needn't wait again
        try:
            with self._worker(leader.deadline):
                self._close(key, batch)
                try:
                    _answer(batch.members, compute)
                finally:
                    for member in batch.members:
                        member.told.set()
        except ServingError as error:
            leader.error = error
            self._hand_over(key, batch, leader)

    def _leave(self, batch: _Batch, member: _Member) -> None:
        """Waits no longer, unless it was told something this moment."""
        with self._lock:
            if member.told.is_set():
                return
            member.error = ServingError("DEADLINE_EXCEEDED", "the batch wasn't answered in time")
            if not batch.is_closed:
                batch.members.remove(member)

    def _hand_over(self, key: Hashable, batch: _Batch, leader: _Member) -> None:
        """Lets the one lead that can wait longest, if there are others."""
        with self._lock:
            batch.members.remove(leader)
            if batch.members:
                successor = max(batch.members, key=lambda member: member.deadline)
                successor.leads = True
                successor.told.set()
            elif self._open.get(key) is batch:
                del self._open[key]

    def _close(self, key: Hashable, batch: _Batch) -> None:
        with self._lock:
            batch.is_closed = True
            if self._open.get(key) is batch:
                del self._open[key]

    def _join(self, key: Hashable, member: _Member) -> _Batch:
        with self._lock:
            batch = self._open.get(key)
            if batch is None or batch.rows + member.rows > self._most_rows:
                if batch:
                    batch.full.set()  # it goes without this one, which opens the next
                batch = self._open[key] = _Batch()
                member.leads = True
                member.told.set()
            batch.members.append(member)
            if batch.rows >= self._most_rows:
                batch.full.set()
                del self._open[key]
            return batch


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
