"""Runs a stage's tasks on a Dask cluster, or on a small one inside this process.

Dask sends tasks to workers, and sends those of a worker that died to another. Only paths travel: the disk is
shared. A worker whose code isn't ours refuses, since what it made would be kept as if ours had made it.
"""

import contextlib
import functools
import logging
import pickle
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from typing import Any

from distributed import Client, Future, KilledWorker
from distributed.comm import CommClosedError

from nst_keras.console.tensorflow_start import load_seldom_used_later
from nst_keras.errors import InputError
from pipelines.engine.code.environment import read_switches
from pipelines.engine.code.fingerprint import Code, read_code
from pipelines.engine.stage import Map

_CONNECT_SECONDS = 5
_LEAST_AHEAD, _AHEAD_PER_THREAD = 16, 4  # tasks that wait at the scheduler; never a million at once
_PATIENCE_SECONDS = 20.0  # without a result, before it is said that there is no worker


@contextlib.contextmanager
def dask_map(scheduler: str, say: Callable[[str], None] = lambda text: None) -> Iterator[Map]:
    """Yields a function for `Context.map`; says if there are no workers, and cancels what runs at the end."""
    with _connect(scheduler) as client:
        yield functools.partial(_map, client, say)


def _connect(scheduler: str) -> Client:
    # Dask says what each of its parts does, which tears the status line.
    logging.getLogger("distributed").setLevel(logging.WARNING)
    if not scheduler:  # one thread, since TensorFlow uses all cores anyway
        return Client(
            processes=False,
            n_workers=1,
            threads_per_worker=1,
            protocol="inproc://",
            # Both open a port in any case, which must be no one else's.
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
            set_as_default=False,
        )
    try:
        return Client(scheduler, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            "dask_scheduler must be the address of a running Dask scheduler, tcp://HOST:PORT "
            f"({_first_line(error)}). Received: dask_scheduler={scheduler}"
        ) from error


def _map(
    client: Client, say: Callable[[str], None], function: Callable[[Any], Any], tasks: Iterable[Any]
) -> Iterator[Any]:
    """Yields results in the tasks' order, with a bounded number of tasks at the scheduler."""
    code, switches, waiting = _code(function.__module__), read_switches(), deque[Future]()
    try:
        limit = _limit(client)
        for task in tasks:
            data = pickle.dumps((function, task))
            # pure=False: the same task in another run isn't the same work, its files may be gone.
            waiting.append(client.submit(_call, data, code, switches, pure=False))
            while len(waiting) >= limit:
                yield _result(client, waiting, say)
                limit = _limit(client)
        while waiting:
            yield _result(client, waiting, say)
    finally:
        if waiting and client.status == "running":
            client.cancel(list(waiting), reason="no longer wanted")


def _limit(client: Client) -> int:
    """Workers come and go, so it is asked anew each time."""
    with _named(client):
        return max(_LEAST_AHEAD, _AHEAD_PER_THREAD * sum(client.nthreads().values()))


def _result(client: Client, waiting: deque[Future], say: Callable[[str], None]) -> Any:
    future = waiting[0]
    while True:
        with _named(client):
            try:
                result = future.result(timeout=_PATIENCE_SECONDS)
                waiting.popleft()
                return result
            except TimeoutError:
                # A finished result may still be on its way; if its worker died, it is made again.
                if future.status == "error":
                    return future.result()  # raises the task's own error
                if not client.nthreads():
                    say(f"waiting: {client.scheduler.address} has no workers")


@contextlib.contextmanager
def _named(client: Client) -> Iterator[None]:
    """Tells what happened to the cluster in words; errors of tasks pass."""
    try:
        yield
    except KilledWorker as error:
        raise InputError(
            f"{error.last_worker.address}: {error.allowed_failures + 1} workers died at the same task; their "
            "logs say why, often too little memory"
        ) from error
    except (CancelledError, CommClosedError) as error:
        raise InputError(
            "dask_scheduler: the scheduler was lost; finished shards are kept, and the same command goes on "
            f"from here ({_first_line(error)})"
        ) from error


@functools.cache
def _code(module: str) -> Code:
    """As it was when this process first needed it: what is loaded stays, whatever is on the disk later."""
    return read_code(module)


def _call(data: bytes, code: Code, switches: Mapping[str, str]) -> Any:
    """Runs on a worker."""
    load_seldom_used_later()
    try:
        function, task = pickle.loads(data)
        own = _code(function.__module__)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"{socket.gethostname()}: the Dask worker lacks code that the task needs ({error}); workers need "
            "the same installation and PYTHONPATH"
        ) from error
    if (own.digest, own.libraries) != (code.digest, code.libraries):
        differ = ", ".join(n for n, version in code.libraries.items() if own.libraries.get(n) != version)
        what = f"other versions of {differ}" if differ else "other code, perhaps from before a change"
        remedy = "install the same there and restart the workers"
        raise InputError(f"{socket.gethostname()}: the Dask worker has {what}; {remedy}")
    set_there = read_switches()
    unequal = [name for name in {**switches, **set_there} if switches.get(name) != set_there.get(name)]
    if unequal:
        what = ", ".join(f"{name}={set_there.get(name, '')}" for name in sorted(unequal))
        raise InputError(
            f"{socket.gethostname()}: the Dask worker computes with {what}, unlike the run; start it with "
            "the run's environment"
        )
    return function(task)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
