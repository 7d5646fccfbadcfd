"""What changes numbers is told; what doesn't isn't."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.engine.code import environment
from pipelines.engine.code.environment import VARIABLES, read_environment


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine with one kind of CPU, two equal GPUs, and nothing set."""
    for name in (*VARIABLES, "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "cpuinfo").write_text("model name: any\nflags : fpu avx2 avx512f\nflags : fpu avx2 avx512f\n")
    for number in range(2):
        (tmp_path / "gpus" / str(number)).mkdir(parents=True)
        (tmp_path / "gpus" / str(number) / "information").write_text("Model: \t NVIDIA H200\nIRQ: 3\n")
    monkeypatch.setattr(environment, "_CPUS", tmp_path / "cpuinfo")
    monkeypatch.setattr(environment, "_GPUS", tmp_path / "gpus")
    environment._cpu.cache_clear()
    yield tmp_path
    environment._cpu.cache_clear()


def test_hardware_by_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read_environment()
    assert found.keys() == {"cpu", "gpu"}
    assert found["gpu"] == "NVIDIA H200" and found["cpu"].endswith(" avx2 avx512f")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert read_environment()["gpu"] == ""


def test_switches_count_and_threads_do_not(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = read_environment()
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")
    assert read_environment() == plain
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    (machine / "keras.json").write_text('{"floatx": "float64", "other": 1}')
    assert read_environment() == {**plain, "TF_ENABLE_ONEDNN_OPTS": "0", "keras.floatx": "float64"}
    (machine / "keras.json").write_text('{"floatx": "float32", "epsilon": 1e-07, "backend": "tensorflow"}')
    assert read_environment() == {**plain, "TF_ENABLE_ONEDNN_OPTS": "0"}, "as Keras itself writes it"
    (machine / "keras.json").write_text("[")
    assert read_environment() == {**plain, "TF_ENABLE_ONEDNN_OPTS": "0"}
