"""What the pipeline engine costs, and how fast BulkInferrer is; prints one JSON.

  python benchmarks/pipeline_engine.py
  python benchmarks/pipeline_engine.py --rounds=1 --pictures=40 --workers=0,1

The overhead is that of `pipelines.run` over a plain program that calls the same functions with the same
configs one after the other, both in fresh processes, in turn. The rest goes over small pictures with a small
classifier: in a plain loop, and through Dask workers on this machine. Needs the extra `cluster`.
"""

import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from absl import app, flags

_ROUNDS = flags.DEFINE_integer("rounds", 5, "Runs of the pipeline, of each kind.")
_PIPELINE = flags.DEFINE_string("pipeline", "classifier", "Which pipeline to run; empty: none.")
_SET = flags.DEFINE_multi_string("set", [], "STAGE.FIELD=VALUE, as of pipelines.run.")
_PICTURES = flags.DEFINE_integer("pictures", 1000, "How many pictures to infer.")
_SHARDS = flags.DEFINE_integer("shards", 20, "How many shards they are in.")
_SIDE = flags.DEFINE_integer("side", 64, "Their width and height.")
_STYLIZER = flags.DEFINE_bool("stylizer", False, "Paint them with the shipped stylizer instead.")
_WORKERS = flags.DEFINE_list("workers", ["0", "1", "2"], "Numbers of Dask workers; 0: a plain loop.")
_BY_HAND = flags.DEFINE_string("by_hand", "", "For the program itself: run the pipeline in this folder.")
_MANY = 100_000_000
_ROOT = Path(__file__).parents[1]


def main(arguments: list[str]) -> None:
    """Measures and prints."""
    if _BY_HAND.value:
        _run_by_hand(Path(_BY_HAND.value))
        return
    with tempfile.TemporaryDirectory() as folder:
        found: dict[str, Any] = {"cores": os.cpu_count()}
        if _PIPELINE.value:
            found |= _measure_pipeline(Path(folder))
        if _PICTURES.value:
            found |= _measure_inference(Path(folder))
    print(json.dumps(found, indent=1))


def _measure_pipeline(folder: Path) -> dict[str, Any]:
    changes = [f"--set={change}" for change in _SET.value]
    seconds: dict[str, list[float]] = {"by_hand": [], "pipeline": [], "cached": []}
    for number in range(_ROUNDS.value):
        hand, run = folder / f"hand{number}", folder / f"run{number}"
        by_hand = [
            str(Path(__file__).resolve()),
            f"--pipeline={_PIPELINE.value}",
            f"--by_hand={hand}",
            *changes,
        ]
        command = ["-m", "pipelines.run", f"--pipeline={_PIPELINE.value}", f"--pipeline_root={run}", *changes]
        command.append(f"--serving_dir={run}/models")
        first, second = ("by_hand", by_hand), ("pipeline", command)
        for name, program in ((first, second), (second, first))[number % 2]:
            seconds[name].append(_time(program))
        seconds["cached"].append(_time(command))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    # Of each round, since rounds differ by what else the machine does.
    ratios = [run / hand - 1 for run, hand in zip(seconds["pipeline"], seconds["by_hand"], strict=True)]
    return {
        "seconds": {name: [round(value, 3) for value in values] for name, values in seconds.items()},
        "overhead_percent": round(100 * statistics.median(ratios), 2),
        "cached_seconds": round(medians["cached"], 3),
    }


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(_ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"}


def _time(program: list[str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *program], env=_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(program)}: {done.stderr[-2000:]}")
    return time.perf_counter() - began


def _run_by_hand(folder: Path) -> None:
    """Calls the stages' functions one after the other, without store, fingerprints and runner."""
    from pipelines.engine.choices import change_configs
    from pipelines.engine.stage import Context
    from pipelines.run import load_pipeline

    pipeline = change_configs(load_pipeline(_PIPELINE.value, folder.resolve() / "models"), _SET.value)
    made: dict[tuple[str, str], Path] = {}
    for node in pipeline.nodes:
        inputs = {
            name: made[source.node.name, source.output]
            for name, source in node.inputs.items()
            if source and source.direct
        }
        outputs = {name: folder.resolve() / node.name / name for name in node.stage.outputs}
        node.stage.run(node.config, Context(folder.resolve() / node.name / "scratch"), inputs, outputs)
        made |= {(node.name, name): path for name, path in outputs.items()}


def _measure_inference(folder: Path) -> dict[str, Any]:
    from pipelines.engine.execution.dask_map import dask_map
    from pipelines.engine.stage import Context
    from pipelines.kinds import InferenceResult
    from pipelines.stages.bulk_inferrer import BulkInferrerConfig, infer

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    given, rates, made = _collection(folder), dict[str, float](), list[dict[str, bytes]]()
    style = "starry_night" if _STYLIZER.value else ""
    config = BulkInferrerConfig(style=style)
    for count in map(int, _WORKERS.value):
        result = InferenceResult(folder / f"result{count}")
        result.path.mkdir()
        scratch = folder / f"scratch{count}"
        if count:
            with _cluster(folder, count) as address, dask_map(address) as mapping:
                _warm(mapping, given, folder, config, count)
                began = time.perf_counter()
                infer(config, Context(scratch, mapping), **given, inference_result=result)
                seconds = time.perf_counter() - began
        else:
            _warm(map, given, folder, config, 1)
            began = time.perf_counter()
            infer(config, Context(scratch), **given, inference_result=result)
            seconds = time.perf_counter() - began
        rates[str(count)] = round(_PICTURES.value / seconds, 2)
        made.append(
            {path.name: path.read_bytes() for path in sorted(result.path.iterdir()) if path.is_file()}
        )
    best = max(rates.values())
    return {
        "pictures": _PICTURES.value,
        "shards": _SHARDS.value,
        "side": _SIDE.value,
        "model": "shipped stylizer" if _STYLIZER.value else "small classifier",
        "pictures_per_second_by_workers": rates,
        "same_bytes": all(one == made[0] for one in made),
        "machine_days_for_100_million": round(_MANY / best / 86400, 2),
    }


def _warm(mapping: Any, given: dict[str, Any], folder: Path, config: Any, count: int) -> None:
    """Loads the model in every worker, which long runs do once."""
    from pipelines.engine.memo import Piece
    from pipelines.examples.files import shard_paths
    from pipelines.judging.verdicts import read_pushed
    from pipelines.stages.bulk_inferrer import InferenceTask, infer_shard

    model, shard = Path(read_pushed(given["model"]).path), shard_paths(given["examples"], "photos")[0]
    tasks = [
        InferenceTask(shard, model, folder / f"warm{count}-{number}", config, Piece())
        for number in range(4 * count)
    ]
    list(mapping(infer_shard, tasks))


def _collection(folder: Path) -> dict[str, Any]:
    """Pieces of a photo, and a pushed model."""
    import numpy as np
    from sklearn.datasets import load_sample_image

    from nst_keras.pictures.images import encode_image
    from pipelines.examples.files import Example, ExampleInfo, shard_name, write_info, write_shard
    from pipelines.judging.verdicts import Pushed, write_pushed
    from pipelines.kinds import Examples, PushedModel

    photo, random = load_sample_image("china.jpg"), np.random.default_rng(0)
    examples, pushed = Examples(folder / "examples"), PushedModel(folder / "pushed")
    for path in (examples.path, pushed.path):
        path.mkdir()
    counts, side = [], _SIDE.value
    for shard in range(_SHARDS.value):
        found = []
        for number in range(shard, _PICTURES.value, _SHARDS.value):
            row, column = (random.integers(0, size - side + 1) for size in photo.shape[:2])
            piece = encode_image(photo[row : row + side, column : column + side], ".png")
            found.append(Example(f"photo{number:06}", piece, None))
        counts.append(write_shard(examples.path / shard_name("photos", shard, _SHARDS.value), found))
    write_info(examples.path, ExampleInfo("photos", (), None, {"photos": tuple(counts)}))
    model = folder / "model" / "1"
    _export(model)
    write_pushed(pushed, Pushed("model", 1, str(model), "none"))
    return {"examples": examples, "model": pushed}


def _export(folder: Path) -> None:
    if _STYLIZER.value:
        from nst_keras.export.job import export
        from nst_keras.export.plan import ExportPlan

        export(ExportPlan(output_dir=str(folder)))
        return
    import keras

    from nst_keras.classifiers.served import export_classifier

    inputs = keras.Input((32, 32, 3))
    value: Any = inputs
    for filters in (16, 32, 64):
        value = keras.layers.Conv2D(filters, 3, strides=2, activation="relu", padding="same")(value)
    logits = keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(value))
    names = tuple(str(number) for number in range(10))
    export_classifier(keras.Model(inputs, logits), folder, class_names=names, image_size=(32, 32))


@contextlib.contextmanager
def _cluster(folder: Path, workers: int) -> Iterator[str]:
    """A scheduler and workers of one thread each, on this machine."""
    processes = []
    local = ["--host", "127.0.0.1", "--no-dashboard"]
    log = folder / f"scheduler{workers}.log"
    try:
        with log.open("w") as file:
            command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", *local]
            processes.append(subprocess.Popen(command, stderr=file, env=_environment(), cwd=folder))
        while not (found := re.search(r"Scheduler at:\s+(tcp://\S+)", log.read_text())):
            time.sleep(0.1)
        for _ in range(workers):
            command = [sys.executable, "-m", "distributed.cli.dask_worker", found[1], "--nthreads", "1"]
            command += [*local, "--no-nanny", "--local-directory", str(folder)]
            processes.append(
                subprocess.Popen(command, stderr=subprocess.DEVNULL, env=_environment(), cwd=folder)
            )
        from distributed import Client

        with Client(found[1], set_as_default=False) as client:
            client.wait_for_workers(workers)
        yield found[1]
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait()


if __name__ == "__main__":
    app.run(main)
