"""A server logs what it is asked about, answers first, and pipelines see where that differs."""

import base64
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import urllib3

from nst_keras.errors import InputError
from nst_keras.pictures.images import encode_image
from nst_keras.served.push import push
from nst_keras.serving.client.client import connect
from nst_keras.serving.protocol.model_spec import ModelSpec
from nst_keras.serving.protocol.request_log import find_log_files, read_log_file
from nst_keras.serving.server import request_logger
from nst_keras.serving.server.compute.answers import Job
from nst_keras.serving.server.metrics import METRICS_PATH, Metrics
from nst_keras.serving.server.request_logger import RequestLog
from nst_keras.serving.server.server import ModelServer
from nst_keras.serving.server.settings import ServerSettings
from pipelines.engine.stage import Context
from pipelines.examples.files import Example, ExampleInfo, shard_name, write_info, write_shard
from pipelines.kinds import ExampleAnomalies, Examples, ExampleStatistics, Schema
from pipelines.stages.example_validator import ExampleValidatorConfig, validate_examples
from pipelines.stages.schema_gen import SchemaGenConfig, generate_schema
from pipelines.stages.statistics_gen import StatisticsGenConfig, generate_statistics

COUNT = 200
NAME = ":nst_keras:request_log_count"


def _pictures(seed: int, light: float = 1.0, side: int = 8) -> list[bytes]:
    """Noise around a brightness of its own, perhaps as in worse light."""
    rng = np.random.default_rng(seed)
    means = rng.normal(120, 20, (COUNT, 1, 1, 1)) + rng.normal(0, 25, (COUNT, 8, 8, 3))
    larger = np.kron(means * light, np.ones((1, side // 8, side // 8, 1)))
    return [encode_image(pixels.clip(0, 255).astype(np.float32), ".png") for pixels in larger]


@pytest.fixture
def examples(tmp_path: Path) -> Examples:
    made = Examples(tmp_path / "examples")
    made.path.mkdir()
    for seed, split in enumerate(("train", "test")):
        pictures = enumerate(_pictures(seed))
        shard = made.path / shard_name(split, 0, 1)
        write_shard(shard, (Example(f"{number}", data, number % 2) for number, data in pictures))
    write_info(
        made.path, ExampleInfo("lamps", ("off", "on"), (8, 8, 3), {"train": (COUNT,), "test": (COUNT,)})
    )
    return made


@pytest.fixture
def validate(examples: Examples, tmp_path: Path) -> Callable[..., tuple[dict[str, Any], dict[str, Any]]]:
    """What StatisticsGen counts and ExampleValidator says, with the requests of a model."""

    def run(**config: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        folder = tmp_path / f"run{len(list(tmp_path.glob('run*')))}"
        kinds = (ExampleStatistics, Schema, ExampleAnomalies)
        statistics, schema, anomalies = (kind(folder / kind.__name__) for kind in kinds)
        for made in (statistics, schema, anomalies):
            made.path.mkdir(parents=True)
        settings = StatisticsGenConfig(**config)
        context = Context(folder / "scratch")
        counted = generate_statistics(settings, context, examples=examples, statistics=statistics)
        generate_schema(SchemaGenConfig(), context, statistics=statistics, schema=schema)
        found = validate_examples(
            ExampleValidatorConfig(),
            context,
            statistics=statistics,
            schema=schema,
            previous=None,
            anomalies=anomalies,
        )
        return counted, found

    return run


def test_darker_requests_are_found(sources: Any, tmp_path: Path, validate: Callable[..., Any]) -> None:
    for name in ("day", "night"):
        push(sources.namer, tmp_path / "models", name)
    log = tmp_path / "log"
    settings = ServerSettings(
        serving_dir=str(tmp_path / "models"), rest_api_port=0, port=0, workers=1, request_log=str(log)
    )
    with ModelServer(settings) as server:
        for address in (server.rest_address, server.grpc_address):
            half = slice(0, COUNT // 2) if address == server.rest_address else slice(COUNT // 2, COUNT)
            client = connect(address)
            for name, pictures in (("day", _pictures(2, side=64)), ("night", _pictures(3, 0.4))):
                asked = {"image_bytes": pictures[half]}
                answer = client.predict(ModelSpec(name), asked, "serve_image_bytes")
                assert len(answer["class_name"]) == COUNT // 2
        metrics = f"{server.rest_address}{METRICS_PATH}"
        _until(
            lambda: (
                f'{NAME}{{outcome="written"}} {2 * COUNT}.0'.encode() in urllib3.request("GET", metrics).data
            )
        )
    counted, found = validate(request_log=str(log), request_model="day")
    assert counted["serving"] == COUNT and counted["train"] == COUNT
    assert found["valid"] and not found["anomalies"], "of another size, but otherwise alike"
    _, found = validate(request_log=str(log), request_model="night")
    assert found["valid"], "a warning"
    assert any(
        text.startswith("brightness of serving differs from the training") for text in found["anomalies"]
    )
    counted, _ = validate()
    assert "serving" not in counted
    with pytest.raises(InputError, match="no_log: must be a folder that nst-serve's request_log wrote"):
        validate(request_log=str(tmp_path / "no_log"))


def _value(metrics: Metrics, outcome: str) -> float:
    lines = metrics.page().decode().splitlines()
    counts = (line.split()[-1] for line in lines if line.startswith(f'{NAME}{{outcome="{outcome}"}}'))
    return float(next(counts, 0))


def test_nobody_waits_for_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process is stopped, killed, and there again."""
    monkeypatch.setattr(request_logger, "_MOST_WAITING", 2)
    metrics, settings = Metrics(), ServerSettings(request_log=str(tmp_path / "log"))
    request = b'{"instances": [{"b64": "%s"}]}'
    job = Job("predict", request % base64.b64encode(_pictures(0)[0]), "lamps", 1)
    log = RequestLog(settings, metrics)
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o700
    log.offer(job)
    _until(lambda: _value(metrics, "written") == 1)
    process = log._writer._process
    os.kill(process.pid, signal.SIGSTOP)
    for _ in range(9):
        log.offer(job)
    assert _value(metrics, "dropped") >= 6
    process.kill()
    _until(lambda: sum(_value(metrics, outcome) for outcome in ("written", "failed", "dropped")) == 10)
    assert _value(metrics, "failed") == 1 and _value(metrics, "written") >= 2, "another process goes on"
    log.close()
    lines = [line for path in find_log_files(tmp_path / "log") for line in read_log_file(path)]
    assert len(lines) == _value(metrics, "written")


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"request_log: .*file must be a folder"):
        RequestLog(ServerSettings(request_log=str(tmp_path / "file")), Metrics())
