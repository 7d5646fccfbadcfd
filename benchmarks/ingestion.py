"""How fast a pipeline takes in a folder of pictures, and what it does the next time; prints one JSON.

  python benchmarks/ingestion.py
  python benchmarks/ingestion.py --pictures=1000000 --folder=/data/ingestion

Makes 32x32 PNGs in ten classes, one in 500 of them damaged and one in 100 a copy of another, and runs
ExampleGen, StatisticsGen, SchemaGen and Transform on them, each run in a fresh process: the first time; with
nothing new; with 1 % new; with a class renamed; and anew, killed in mid-scan and gone on with. Beside it
stands a plain tf.data loop that decodes the same files. "bytes_read" is what the process read in all, its
libraries too, "peak_mib" its memory; "cpu_seconds" say more than seconds on a machine that does other work.
"""

import io
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from absl import app, flags
from PIL import Image

_PICTURES = flags.DEFINE_integer("pictures", 20_000, "How many pictures to make.")
_FOLDER = flags.DEFINE_string("folder", "", "Where to; empty: a temporary folder.")
_CLASSES, _DAMAGED, _TWICE = 10, 500, 100

_PIPELINE = """
from pipelines.engine.stage import Pipeline
from pipelines.stages.example_gen import ExampleGen, ExampleGenConfig
from pipelines.stages.schema_gen import SchemaGen, SchemaGenConfig
from pipelines.stages.statistics_gen import StatisticsGen, StatisticsGenConfig
from pipelines.stages.transform import Transform, TransformConfig


def pipeline(serving_dir):
    pictures = ExampleGen(ExampleGenConfig({!r}, shards=8))["examples"]
    statistics = StatisticsGen(StatisticsGenConfig(), examples=pictures)["statistics"]
    schema = SchemaGen(SchemaGenConfig(), statistics=statistics)["schema"]
    nodes = pictures.node, statistics.node, schema.node
    return Pipeline("ingestion", (*nodes, Transform(TransformConfig(), examples=pictures, schema=schema)))
"""
# What a process does and then tells on its last line.
_PROGRAM = """
import json, pathlib, resource, sys, time
began = time.monotonic()
{}
read = pathlib.Path("/proc/self/io").read_text().split()[1]
used = resource.getrusage(resource.RUSAGE_SELF)
told = dict(seconds=time.monotonic() - began, cpu_seconds=round(used.ru_utime + used.ru_stime, 1))
print(json.dumps(dict(told, peak_mib=round(used.ru_maxrss / 1024), bytes_read=int(read))))
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
files = tf.data.Dataset.list_files(sys.argv[1] + "/*/*.png", shuffle=False)
decode = lambda path: tf.io.decode_png(tf.io.read_file(path), 3)
pictures = files.map(decode, num_parallel_calls=tf.data.AUTOTUNE).ignore_errors()
for picture in pictures.batch(256):
    pass
"""


def main(arguments: list[str]) -> None:
    """Makes the pictures, runs and prints."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(_FOLDER.value or temporary)
        data = folder / "pictures"
        began = time.monotonic()
        stored = make_pictures(data, _PICTURES.value)
        (folder / "pipeline.py").write_text(_PIPELINE.format(str(data)))
        report: dict[str, Any] = {"pictures": _PICTURES.value, "bytes_stored": stored}
        report["made_in_seconds"] = round(time.monotonic() - began, 1)
        report["tf_data_loop"] = _measure([sys.executable, "-c", _PROGRAM.format(_LOOP), str(data)])
        report["first"] = run(folder)
        time.sleep(3)  # until file times can be trusted
        report["nothing_new"] = run(folder)
        report["nothing_new_again"] = run(folder)
        make_pictures(data, _PICTURES.value // 100, first=_PICTURES.value)
        report["one_percent_new"] = run(folder)
        (data / "class0").rename(data / "renamed")
        report["class_renamed"] = run(folder)
        shutil.rmtree(folder / "root")
        report["killed_in_mid_scan"] = run(folder, kill=True)
        report["gone_on_with"] = run(folder)
        print(json.dumps(report, indent=1))


def make_pictures(folder: Path, count: int, first: int = 0) -> int:
    """Writes pictures, each with other bytes but for the copies; returns their size in all."""
    rng, data, size = np.random.default_rng(first), b"", 0
    for number in range(first, first + count):
        if number % _TWICE or not data:
            buffer = io.BytesIO()
            coarse = rng.integers(0, 256, (4, 4, 3), np.uint8)
            coarse[0, 0] = number % 256, number // 256 % 256, number // 65536
            Image.fromarray(np.kron(coarse, np.ones((8, 8, 1), np.uint8))).save(buffer, "PNG")
            data = buffer.getvalue()
        path = folder / f"class{number % _CLASSES}" / f"{number:09}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if number % _DAMAGED != 7 else data[: len(data) // 2])
        size += len(data)
    return size


def run(folder: Path, *, kill: bool = False) -> dict[str, Any]:
    """Runs the pipeline in a fresh process, or kills it when it has looked at a tenth of the pictures."""
    command = [sys.executable, "-c", _PROGRAM.format(_RUN), f"--pipeline={folder / 'pipeline.py'}"]
    command.append(f"--pipeline_root={folder / 'root'}")
    if not kill:
        return _measure(command)
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
    return {**told, "seconds": round(told["seconds"], 1), **({"stages": speeds} if speeds else {})}


if __name__ == "__main__":
    app.run(main)
