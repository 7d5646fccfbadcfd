"""How fast a pipeline takes in a folder of pictures, and what it does the next time; prints one JSON.

  python benchmarks/ingestion.py
  python benchmarks/ingestion.py --pictures=1000000 --workers=2 --folder=/data/ingestion

Makes 32x32 PNGs in ten classes, one in 500 of them damaged and one in 100 a copy of another, in a folder that
is the first of spans, and runs ExampleGen, StatisticsGen, SchemaGen, Transform and a small classifier's
BulkInferrer on them, each run in a fresh process: the first time; with nothing new; with 1 % new as a second
span; with 1 % new in all of the first span's shards; with a class renamed; and anew, killed in mid-scan and
gone on with. `--runs` chooses some of these. Beside it stands a plain tf.data loop that decodes a class of
the same files. `--workers` gives the work to so many Dask workers of one thread and measures the run, the
scheduler and the workers apart. "bytes_read" is what processes read in all, their libraries too, "peak_mib"
their memory; "cpu_seconds" say more than seconds on a machine that does other work. Each run is printed as
it ends, too.
"""

import contextlib
import inspect
import io
import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from absl import app, flags
from PIL import Image

_PICTURES = flags.DEFINE_integer("pictures", 20_000, "How many pictures to make.")
_WORKERS = flags.DEFINE_integer("workers", 0, "Dask workers; 0: all in the process of the run.")
_FOLDER = flags.DEFINE_string("folder", "", "Where to; empty: a temporary folder.")
_RUNS = flags.DEFINE_list(
    "runs", ["new_span", "all_shards", "renamed", "killed"], "Which runs after the second."
)
_CLASSES, _DAMAGED, _TWICE = 10, 500, 100
_IN_A_SHARD = 5000

_PIPELINE = """
from pipelines.engine.stage import Context, Output, Pipeline, Stage
from pipelines.judging.verdicts import Pushed, write_pushed
from pipelines.kinds import PushedModel
from pipelines.stages.bulk_inferrer import BulkInferrer, BulkInferrerConfig
from pipelines.stages.example_gen import ExampleGen, ExampleGenConfig
from pipelines.stages.schema_gen import SchemaGen, SchemaGenConfig
from pipelines.stages.statistics_gen import StatisticsGen, StatisticsGenConfig
from pipelines.stages.transform import Transform, TransformConfig
from nst_keras.fields import Settings


def hand_in(config: Settings, context: Context, *, model: Output[PushedModel]):
    write_pushed(model, Pushed("small_cnn", 1, {model!r}))
    return {{}}


def pipeline(serving_dir):
    pictures = ExampleGen(ExampleGenConfig({data!r}, spans=0, shards={shards}))["examples"]
    statistics = StatisticsGen(StatisticsGenConfig(), examples=pictures)["statistics"]
    schema = SchemaGen(SchemaGenConfig(), statistics=statistics)["schema"]
    transformed = Transform(TransformConfig(), examples=pictures, schema=schema)["transformed_examples"]
    model = Stage(hand_in, "HandIn", hands_out=True)(Settings())["model"]
    inferrer = BulkInferrer(BulkInferrerConfig(), examples=transformed, model=model)
    nodes = pictures.node, statistics.node, schema.node, transformed.node, model.node, inferrer
    return Pipeline("ingestion", nodes)
"""
_MODEL = """
from nst_keras.classifiers.registry import build_classifier
from nst_keras.classifiers.served import export_classifier
model = build_classifier("small_cnn", (32, 32, 3), 10)
Path(sys.argv[1]).parent.mkdir()
names = [f"class{number}" for number in range(10)]
export_classifier(model, Path(sys.argv[1]), class_names=names, image_size=(32, 32))
"""
# What a process does and then tells on its last line.
_PROGRAM = """
import json, os, re, sys, time
from pathlib import Path
{used}
began = time.monotonic()
{work}
print(json.dumps(dict(seconds=round(time.monotonic() - began, 1), **used("self"))))
"""
_RUN = """
from pipelines import run
try:
    run.main()
except SystemExit as end:
    assert not end.code, end.code
"""
_LOOP = """
import tensorflow as tf
files = tf.data.Dataset.list_files(sys.argv[1] + "/*.png", shuffle=False)
decode = lambda path: tf.io.decode_png(tf.io.read_file(path), 3)
pictures = files.map(decode, num_parallel_calls=tf.data.AUTOTUNE).ignore_errors()
for picture in pictures.batch(256):
    pass
"""


def main(arguments: list[str]) -> None:
    """Makes the pictures, runs and prints."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, count = Path(_FOLDER.value or temporary), _PICTURES.value
        span, model = folder / "span-1", folder / "small_cnn" / "1"
        began = time.monotonic()
        stored = make_pictures(span, 0, count)
        values = {"data": str(folder / "span-{SPAN}"), "shards": max(8, count // _IN_A_SHARD)}
        (folder / "pipeline.py").write_text(_PIPELINE.format(model=str(model), **values))
        report: dict[str, Any] = {"pictures": count, "bytes_stored": stored}
        report["made_in_seconds"] = round(time.monotonic() - began, 1)
        _measure([sys.executable, "-c", _program(_MODEL), str(model)])
        report["tf_data_loop"] = _measure([sys.executable, "-c", _program(_LOOP), str(span / "class0")])
        _tell(report)
        report["first"] = run(folder)
        time.sleep(3)  # until file times can be trusted
        report["nothing_new"] = run(folder)
        if "new_span" in _RUNS.value:
            make_pictures(folder / "span-2", count, count // 100)
            report["one_percent_new_as_a_span"] = run(folder)
        if "all_shards" in _RUNS.value:
            make_pictures(span, 2 * count, count // 100)
            report["one_percent_new_in_all_shards"] = run(folder)
        if "renamed" in _RUNS.value:
            for own in folder.glob("span-*"):
                (own / "class0").rename(own / "renamed")
            report["class_renamed"] = run(folder)
        if "killed" in _RUNS.value:
            shutil.rmtree(folder / "root")
            report["killed_in_mid_scan"] = run(folder, kill=True)
            report["gone_on_with"] = run(folder)
        print(json.dumps(report, indent=1))


def make_pictures(folder: Path, first: int, count: int) -> int:
    """Writes pictures, each with other bytes but for the copies; returns their size in all."""
    for number in range(_CLASSES):
        (folder / f"class{number}").mkdir(parents=True, exist_ok=True)
    starts = range(first, first + count, _IN_A_SHARD)
    with multiprocessing.Pool() as pool:
        parts = [(folder, start, min(first + count, start + _IN_A_SHARD)) for start in starts]
        return sum(pool.starmap(_make_some, parts))


def _make_some(folder: Path, start: int, end: int) -> int:
    rng, data, size = np.random.default_rng(start), b"", 0
    for number in range(start, end):
        if number % _TWICE or not data:
            buffer = io.BytesIO()
            coarse = rng.integers(0, 256, (4, 4, 3), np.uint8)
            coarse[0, 0] = number % 256, number // 256 % 256, number // 65536
            Image.fromarray(np.kron(coarse, np.ones((8, 8, 1), np.uint8))).save(buffer, "PNG")
            data = buffer.getvalue()
        path = folder / f"class{number % _CLASSES}" / f"{number:09}.png"
        path.write_bytes(data if number % _DAMAGED != 7 else data[: len(data) // 2])
        size += len(data)
    return size


def run(folder: Path, *, kill: bool = False) -> dict[str, Any]:
    """Runs the pipeline in a fresh process, or kills it when it has looked at a tenth of the pictures."""
    command = [sys.executable, "-c", _program(_RUN), f"--pipeline={folder / 'pipeline.py'}"]
    command.append(f"--pipeline_root={folder / 'root'}")
    with contextlib.ExitStack() as stack:
        processes = stack.enter_context(_cluster(folder, _WORKERS.value)) if _WORKERS.value else {}
        command += [f"--dask_scheduler={address}" for address in processes.pop("address", [])]
        before = {process: used(process) for listed in processes.values() for process in listed}
        if kill:
            return _tell(_killed(command, folder))
        told = _measure(command)
        for role, listed in processes.items():
            told[role] = [_since(before[process], used(process)) for process in listed]
        return _tell(told)


def _killed(command: list[str], folder: Path) -> dict[str, Any]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    began, wanted = time.monotonic(), max(1, _PICTURES.value // 256 // 10)
    while process.poll() is None and len(list((folder / "root").glob("work/scan-*/seen-*.json"))) < wanted:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return {"seconds": round(time.monotonic() - began, 1)}


def _measure(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    told = json.loads(done.stdout.splitlines()[-1])
    stages = re.findall(r"^\[\d+/\d+\] (\w+)  (cached|[\d.]+ s)", done.stderr, re.MULTILINE)
    speeds = {}
    for name, how in stages:
        seconds = None if how == "cached" else float(how.removesuffix(" s"))
        speeds[name] = (
            how if not seconds else {"seconds": seconds, "pictures/s": round(_PICTURES.value / seconds)}
        )
    return {**told, **({"stages": speeds} if speeds else {})}


def _tell(told: dict[str, Any]) -> dict[str, Any]:
    print(json.dumps(told), file=sys.stderr, flush=True)
    return told


def _since(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    counted = {name: round(after[name] - before[name], 1) for name in ("cpu_seconds", "bytes_read")}
    return {**counted, "peak_mib": after["peak_mib"]}


def _program(work: str) -> str:
    return _PROGRAM.format(used=inspect.getsource(used), work=work)


def used(process: int | str) -> dict[str, float]:
    """What a process has used by now, as Linux counts it."""
    folder = Path("/proc", str(process))
    ticks = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
    (peak,) = re.findall(r"VmHWM:\s+(\d+)", (folder / "status").read_text())
    cpu = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    read = int((folder / "io").read_text().split()[1])
    return {"cpu_seconds": cpu, "peak_mib": round(int(peak) / 1024), "bytes_read": read}


@contextlib.contextmanager
def _cluster(folder: Path, workers: int) -> Iterator[dict[str, list[Any]]]:
    """The address of a scheduler with workers of one thread, and numbers of processes by what they are."""
    processes, log = list[subprocess.Popen[bytes]](), folder / "scheduler.log"

    def start(program: str, *more: str) -> None:
        command = [sys.executable, "-m", f"distributed.cli.dask_{program}", *more, "--no-dashboard"]
        with log.with_name(f"{program}.log").open("w") as file:
            processes.append(subprocess.Popen([*command, "--host", "127.0.0.1"], stderr=file))

    try:
        start("scheduler", "--port", "0")
        while not (found := re.search(r"Scheduler at:\s+(tcp://\S+)", log.read_text())):
            time.sleep(0.1)
        local = ("--nthreads", "1", "--no-nanny", "--local-directory", str(folder))
        for _ in range(workers):
            start("worker", found[1], *local)
        from distributed import Client

        with Client(found[1], set_as_default=False) as client:
            client.wait_for_workers(workers)
        scheduler, *others = (process.pid for process in processes)
        yield {"address": [found[1]], "scheduler": [scheduler], "workers": others}
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait()


if __name__ == "__main__":
    app.run(main)
