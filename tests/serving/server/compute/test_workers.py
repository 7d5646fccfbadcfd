"""Work in processes of its own: no request ends the server, or another request."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from nst_keras.errors import InputError
from nst_keras.served.push import push
from nst_keras.serving.client.client import connect
from nst_keras.serving.client.settings import CallSettings
from nst_keras.serving.protocol.model_spec import ModelSpec
from nst_keras.serving.protocol.status_codes import ServingError
from nst_keras.serving.server.compute import workers
from nst_keras.serving.server.compute.answers import Job
from nst_keras.serving.server.server import ModelServer
from nst_keras.serving.server.settings import ServerSettings

from ...conftest import Sources, wait_for

SCALE, ROGUE = ModelSpec("scale"), ModelSpec("rogue")


class Rogue(tf.Module):
    """Does what no model should."""

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32, name="mib")])
    def eat(self, mib: tf.Tensor) -> dict[str, tf.Tensor]:
        filled = tf.fill([mib, 2**18], 2.0)
        # Goes on while it holds the memory.
        held = tf.while_loop(lambda n, _: n < 400, lambda n, x: (n + 1, tf.sqrt(x + 1)), (0, filled))[1]
        return {"sum": tf.reduce_sum(held)}

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32, name="x")])
    def crash(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.control_dependencies([tf.raw_ops.Abort(error_msg="out of luck")]):
            return {"y": tf.identity(x)}

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32, name="x")])
    def hang(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": tf.while_loop(lambda n: n >= 0, lambda n: n * 1, (x,))[0]}


def test_a_model_that_ends_every_process_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would take the place of a good version, and no replacement could start."""
    orders: list[tuple[int, Path | None]] = []

    class Ending:
        def __init__(self, *_: object) -> None: ...

        def order(self, number: int, folder: Path | None) -> None:
            orders.append((number, folder))
            raise workers.WorkerEnded

    monkeypatch.setattr(workers, "Worker", Ending)
    monkeypatch.setattr(workers, "read_definitions", lambda _: {})
    pool = workers.Workers(ServerSettings(model_config_file="x", workers=2))
    with pytest.raises(InputError, match="bad/1: the process that loads it ends, or hangs"):
        pool.load(Path("bad/1"))
    assert orders[-1] == (0, None) and not pool._models


@pytest.mark.parametrize(
    "kind,tries,words",
    [(workers.WorkerCrashed, 1, "that computes it crashed"), (workers.WorkerEnded, 2, "was ended, twice")],
)
def test_a_request_that_ends_its_worker_gets_no_other(
    monkeypatch: pytest.MonkeyPatch, kind: type[workers.WorkerEnded], tries: int, words: str
) -> None:
    asked: list[int] = []

    class Failing:
        pid = 1

        def __init__(self, *_: object) -> None: ...

        def is_alive(self) -> bool:
            return True

        def ask(self, number: int, job: Job) -> bytes:
            asked.append(number)
            raise kind

    monkeypatch.setattr(workers, "Worker", Failing)
    pool = workers.Workers(ServerSettings(workers=3))
    with pytest.raises(ServingError, match=words) as caught:
        pool.ask(7, Job("predict", b"", "scale", 1), time.monotonic() + 60, lambda: True)
    assert caught.value.code == "INTERNAL"
    assert asked == [7] * tries


@pytest.fixture(scope="module")
def server(sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    """One with two workers, which may take some seconds and some memory."""
    root, rogue = tmp_path_factory.mktemp("models"), Rogue()
    saved = tmp_path_factory.mktemp("rogue") / "saved"
    signatures = {"eat": rogue.eat, "crash": rogue.crash, "hang": rogue.hang}
    tf.saved_model.save(rogue, str(saved), signatures=signatures)
    push(saved, root, "rogue")
    push(sources.scale[2.0], root, "scale")
    settings = ServerSettings(
        serving_dir=str(root),
        rest_api_port=0,
        port=0,
        workers=2,
        compute_timeout=20,
        request_timeout=300,
        request_memory_mb=900,
        file_system_poll_wait_seconds=0.05,
    )
    with ModelServer(settings) as server:
        yield server


@pytest.fixture(params=["rest_address", "grpc_address"])
def ask(server: ModelServer, request: pytest.FixtureRequest) -> Callable[..., dict[str, np.ndarray]]:
    return connect(getattr(server, request.param), CallSettings(retries=0, timeout=300)).predict


def pids(server: ModelServer) -> list[int]:
    return server.worker_pids()


def test_answers_come_from_workers(server: ModelServer, ask: Callable) -> None:
    assert ask(SCALE, {"x": [[1, 2, 3]]})["y"].tolist() == [[2, 4, 6]]
    assert len(set(pids(server)) - {os.getpid()}) == 2
    with pytest.raises(ServingError, match="must not be negative") as caught:
        ask(SCALE, {"x": [[1, 2, -3]]})
    assert caught.value.code == "INVALID_ARGUMENT"
    with pytest.raises(ServingError) as caught:
        ask(ModelSpec("nothing"), {"x": [1]})
    assert caught.value.code == "NOT_FOUND"


@pytest.mark.large
@pytest.mark.parametrize(
    "inputs,signature,code,words",
    [
        ({"x": 1}, "hang", "DEADLINE_EXCEEDED", "longer than 20 s to compute"),
        ({"mib": 4000}, "eat", "RESOURCE_EXHAUSTED", "more memory than 900 MiB"),
        ({"x": 1}, "crash", "INTERNAL", "the process that computes it crashed"),
    ],
)
def test_a_bad_request_ends_its_worker_alone(
    server: ModelServer, ask: Callable, inputs: dict, signature: str, code: str, words: str
) -> None:
    wait_for(lambda: len(pids(server)) == 2, "the workers", 200)
    before, done = set(pids(server)), threading.Event()

    def go_on() -> int:
        count = 0
        while not done.is_set():
            assert ask(SCALE, {"x": [[1, 2, 3]]})["y"][0, 0] == 2
            count += 1
        return count

    with ThreadPoolExecutor(1) as pool:
        good = pool.submit(go_on)
        try:
            with pytest.raises(ServingError, match=words) as caught:
                ask(ROGUE, inputs, signature)
        finally:
            done.set()
        assert good.result() > 0, "others were answered meanwhile"
    assert caught.value.code in (code, "UNKNOWN"), "HTTP has one status for both"
    wait_for(lambda: len(pids(server)) == 2 and set(pids(server)) != before, "the replacement", 200)
    assert len(before - set(pids(server))) == 1


@pytest.mark.large
def test_a_worker_that_is_killed_loses_no_request(server: ModelServer, ask: Callable) -> None:
    wait_for(lambda: len(pids(server)) == 2, "the workers", 200)
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(ask, SCALE, {"steps": [4000]}, "work") for _ in range(8)]
        os.kill(pids(server)[0], signal.SIGKILL)
        assert [answer.result()["factor"][0] for answer in answers] == [2.0] * 8
    wait_for(lambda: len(pids(server)) == 2, "the replacement", 200)


@pytest.mark.large
def test_versions_are_swapped_in_all_workers(server: ModelServer, ask: Callable, sources: Sources) -> None:
    folder = Path(server.settings.serving_dir)
    push(sources.scale[3.0], folder, "scale")
    wait_for(lambda: ask(SCALE, {"x": [[1, 0, 0]]})["y"][0, 0] == 3, "the new version", 200)
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda _: ask(SCALE, {"x": [[1, 0, 0]]})["y"][0, 0], range(12))
        assert set(answers) == {3}
    push(sources.scale[2.0], folder, "scale")
    wait_for(lambda: ask(SCALE, {"x": [[1, 0, 0]]})["y"][0, 0] == 2, "the older model again", 200)
