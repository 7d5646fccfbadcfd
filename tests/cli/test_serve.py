"""nst-serve as a process: it starts, answers, drains and says what is wrong."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tensorflow as tf
import urllib3

from nst_keras.cli import serve
from nst_keras.served.push import push


class Slow(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, name="steps")])
    def work(self, steps: tf.Tensor) -> dict[str, tf.Tensor]:
        """Takes some ten microseconds a step."""
        square = tf.ones([64, 64])
        result = tf.while_loop(
            lambda step, _: step < tf.reduce_max(steps),
            lambda step, x: (step + 1, tf.linalg.l2_normalize(x @ square)),
            (0, square),
        )[1]
        return {"sum": tf.fill(tf.shape(steps), tf.reduce_sum(result))}


@pytest.fixture(scope="module")
def serving_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, module = tmp_path_factory.mktemp("serve"), Slow()
    tf.saved_model.save(module, str(root / "source"), signatures={"serving_default": module.work})
    push(root / "source", root / "models", "slow")
    return root / "models"


@contextlib.contextmanager
def _running(serving_dir: Path) -> Iterator[tuple[subprocess.Popen, str]]:
    """The process and the address of its REST API."""
    flags = [f"--serving_dir={serving_dir}", "--rest_api_port=0", "--port=0"]
    command = [sys.executable, "-m", "nst_keras.cli.serve", *flags]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ) as process:
        try:
            said = []
            for line in process.stderr:
                said.append(line)
                found = re.match(r"REST (http://127\.0\.0\.1:\d+), gRPC 127\.0\.0\.1:\d+: slow$", line)
                if found:
                    assert "slow/1: serving, loaded in" in said[-2]
                    yield process, found[1]
                    return
            raise AssertionError(f"it didn't start: {said}")
        finally:
            process.kill()


def _post(address: str, steps: int) -> int:
    url = f"{address}/v1/models/slow:predict"
    return urllib3.request("POST", url, json={"inputs": [steps]}, retries=False, timeout=120).status


def test_a_stopped_server_finishes_what_it_began(serving_dir: Path) -> None:
    with _running(serving_dir) as (process, address), ThreadPoolExecutor(1) as pool:
        assert _post(address, 1) == 200
        answer = pool.submit(_post, address, 30_000)
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert answer.result() == 200
        said = process.stderr.read()
        assert process.wait(60) == 0, said
        assert "finishing requests" in said
        assert "Traceback" not in said
        with pytest.raises(urllib3.exceptions.NewConnectionError):
            _post(address, 1)


@pytest.mark.parametrize(
    "flags,code,message",
    [
        (["--serving_dir=none"], 1, "none: cannot be listed: No such file or directory"),
        (["--model_config_file=none"], 1, "none: does not exist"),
        (["--rest_api_port=70000"], 2, "--rest_api_port must be a whole number, at least 0 and below 65536"),
        (["--read_timeout=0"], 2, "--read_timeout must be"),
        (["saved_models"], 2, "unexpected argument"),
    ],
)
def test_bad_input_is_named(run_main: Callable, flags: list[str], code: int, message: str) -> None:
    done = run_main(serve.main, *flags)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
