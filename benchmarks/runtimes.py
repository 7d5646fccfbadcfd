"""How long runtimes take to start and to paint, with the same networks: for the choice of the extra [light].

Each runtime is a process of its own; they take turns, and medians are printed as JSON. What isn't installed
is left out. LiteRT's files are converted at fixed sizes by TensorFlow's own converter, where it can.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

STYLIZERS = {"package": "", "magenta": "magenta", "magenta26": "magenta26"}
Paint = Callable[[np.ndarray, np.ndarray], object]


def main() -> None:
    """Prints all figures, or, with --runtime, those of one process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="256,512,1024")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runtime", choices=tuple(LOADERS), help="for a process of its own")
    parser.add_argument("--stylizer", choices=tuple(STYLIZERS), default="package")
    parser.add_argument("--folder", type=Path)
    flags = parser.parse_args()
    sizes = [int(size) for size in flags.sizes.split(",")]
    if flags.runtime:
        print(json.dumps(_measure(flags.runtime, flags.stylizer, flags.folder, sizes, flags.threads)))
        return
    with tempfile.TemporaryDirectory() as folder:
        _write_files(Path(folder), sizes)
        print(json.dumps(_all(flags, folder), indent=1))


def _all(flags: argparse.Namespace, folder: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(flags.rounds):
        for runtime in LOADERS:
            for stylizer in STYLIZERS:
                command = [sys.executable, __file__, f"--runtime={runtime}", f"--stylizer={stylizer}"]
                command += [f"--folder={folder}", f"--sizes={flags.sizes}", f"--threads={flags.threads}"]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode == 0:  # else it isn't installed, or has no such network
                    for what, seconds in json.loads(done.stdout.splitlines()[-1]).items():
                        found.setdefault(f"{runtime} {stylizer} {what}", []).append(seconds)
    return {name: round(statistics.median(values), 3) for name, values in found.items()}


def _measure(runtime: str, stylizer: str, folder: Path, sizes: list[int], threads: int) -> dict[str, float]:
    """Seconds until a network is there, of the first picture, and of later ones by size."""
    began = time.perf_counter()
    load, num_rows = LOADERS[runtime](folder, stylizer, threads), _num_rows(stylizer)
    seconds = {"start": time.perf_counter() - began}
    weights = np.full([1, num_rows], 1 / num_rows, np.float32)
    for size in sizes:
        paint, taken = load(size), []
        picture = np.random.default_rng(0).uniform(0, 255, [1, size, size, 3]).astype(np.float32)
        for _ in range(4):
            began = time.perf_counter()
            paint(picture, weights)
            taken.append(time.perf_counter() - began)
        seconds |= {f"{size} px, first": taken[0], f"{size} px": statistics.median(taken[1:])}
    return seconds


def _num_rows(stylizer: str) -> int:
    return {"package": 4, "magenta": 101, "magenta26": 26}[stylizer]


def _onnxruntime(folder: Path, stylizer: str, threads: int) -> Callable[[int], Paint]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        str(folder / stylizer / "stylizer.onnx"), options, providers=["CPUExecutionProvider"]
    )
    return lambda size: (
        lambda picture, weights: session.run(None, {"image": picture, "style_weights": weights})
    )


def _openvino(folder: Path, stylizer: str, threads: int) -> Callable[[int], Paint]:
    import openvino

    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
    model = openvino.Core().compile_model(str(folder / stylizer / "stylizer.onnx"), "CPU", options)
    return lambda size: lambda picture, weights: model([picture, weights])


def _litert(folder: Path, stylizer: str, threads: int) -> Callable[[int], Paint]:
    from ai_edge_litert.interpreter import Interpreter

    def load(size: int) -> Paint:
        interpreter = Interpreter(str(folder / stylizer / f"{size}.tflite"), num_threads=threads)
        interpreter.allocate_tensors()
        # By their names: the image comes before the weights.
        indices = [details["index"] for details in sorted(interpreter.get_input_details(), key=_name)]

        def paint(*inputs: np.ndarray) -> None:
            for index, numbers in zip(indices, inputs, strict=True):
                interpreter.set_tensor(index, numbers)
            interpreter.invoke()

        return paint

    return load


def _name(details: dict[str, Any]) -> str:
    return str(details["name"])


def _tensorflow(folder: Path, stylizer: str, threads: int) -> Callable[[int], Paint]:
    import tensorflow as tf

    from nst_keras.fields import FLOAT32
    from nst_keras.stylizers.by_name import load_painter

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    painter = load_painter(STYLIZERS[stylizer], "tensorflow")
    network = painter.network
    return lambda size: lambda picture, weights: network.in_one_piece(picture[0], weights[0], FLOAT32)


LOADERS = {"tensorflow": _tensorflow, "onnxruntime": _onnxruntime, "openvino": _openvino, "litert": _litert}


def _write_files(folder: Path, sizes: list[int]) -> None:
    from nst_keras.export.onnx import export_onnx

    for name, spec in STYLIZERS.items():
        export_onnx(spec, folder / name, print)
        if importlib.util.find_spec("ai_edge_litert"):
            for size in sizes:
                _write_litert(spec, folder / name / f"{size}.tflite", size)


def _write_litert(spec: str, path: Path, size: int) -> None:
    import tensorflow as tf

    from nst_keras.stylizers.by_name import load_painter

    model = load_painter(spec, "tensorflow").network.model  # type: ignore[attr-defined]
    rows = next(tensor.shape[-1] for tensor in model.inputs if tensor.name == "style_weights")
    signature = [tf.TensorSpec([1, size, size, 3], name="image"), tf.TensorSpec([1, rows], name="weights")]

    def paint(image: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        return model({"image": image, "style_weights": weights}, training=False)

    function = tf.function(paint, signature).get_concrete_function()
    try:
        path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([function], model).convert())
    except Exception as error:  # it has no exceptions of its own
        print(f"{path.parent.name}: LiteRT's converter: {str(error).splitlines()[0]}", file=sys.stderr)


if __name__ == "__main__":
    main()
