"""Seconds and memory of one loss-and-gradient evaluation, beside the same computation in PyTorch.

    python benchmarks/stylize_step.py [--torch_python=PYTHON]

Prints one JSON object. Every size and engine runs in a process of its own, so that peak memory is its
own too. PyTorch is measured when the interpreter PYTHON (this one by default) has it; both get the
same weights, pictures and layers, and as many threads as there are CPUs.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

SIZES = "256,512,1024"
STYLE_LAYERS = tuple(f"relu{block}_1" for block in range(1, 6))
CONTENT_LAYER = "relu4_2"


def pictures(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Two random pictures [size, size, 3] on 0..255; speed doesn't depend on what they show."""
    rng = np.random.default_rng(0)
    content, style = rng.uniform(0, 255, (2, size, size, 3)).astype(np.float32)
    return content, style


def measure(evaluate: Callable[[], float], runs: int) -> dict[str, float]:
    """Times `evaluate` after a first, uncounted call."""
    began = time.perf_counter()
    loss = evaluate()
    first = time.perf_counter() - began
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        evaluate()
        seconds.append(time.perf_counter() - began)
    return {
        "loss": loss,
        "first_seconds": round(first, 3),
        "median_seconds": round(statistics.median(seconds), 4),
        "min_seconds": round(min(seconds), 4),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def measure_ours(size: int, runs: int, engine: str) -> dict[str, float]:
    """The compiled step of the package; "direct" and "xla" without Winograd's convolution."""
    import tensorflow as tf

    from nst_keras.losses.settings import CONTENT, STYLE
    from nst_keras.transfer.objective import Objective
    from nst_keras.transfer.settings import StyleTransferSettings
    from nst_keras.weights.vgg19 import load_vgg19

    settings = StyleTransferSettings(
        style_layers=dict.fromkeys(STYLE_LAYERS, 1.0),
        content_layers={CONTENT_LAYER: 1.0},
        style_weight=1.0,
        content_weight=1.0,
        tv_weight=0.0,
        relative_losses=False,
        edges="zero",
    )
    objective = Objective(load_vgg19("8bit"), settings, convolution="auto" if engine == "auto" else "direct")
    content, style = pictures(size)
    targets = objective.targets(CONTENT, content[np.newaxis]) | objective.targets(STYLE, style[np.newaxis])
    image = tf.constant(content[::-1][np.newaxis])

    step = objective.evaluate
    if engine == "xla":
        step = tf.function(step, jit_compile=True)

    def evaluate() -> float:
        loss, _, gradient = step(image, targets)
        gradient.numpy()
        return float(loss)

    return measure(evaluate, runs)


def measure_in_process(command: list[str], size: str, runs: int) -> dict[str, float]:
    """Runs one measurement in a process of its own."""
    done = subprocess.run(
        [*command, f"--size={size}", f"--runs={runs}"],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def compare(torch_python: str, sizes: list[str], runs: int, rounds: int) -> dict[str, object]:
    """Measures all sizes and engines."""
    ours = [sys.executable, __file__]
    engines = {
        "nst_keras": [*ours, "--engine=auto"],
        "direct_convolution": [*ours, "--engine=direct"],
        "direct_convolution_xla": [*ours, "--engine=xla"],
    }
    with tempfile.TemporaryDirectory() as folder:
        has_torch = subprocess.run(
            [torch_python, "-c", "import torch"], stderr=subprocess.DEVNULL, check=False
        )
        if has_torch.returncode == 0:
            weights = Path(folder, "weights.npz")
            save_weights(weights)
            peer = Path(__file__).with_name("torch_step.py")
            engines["pytorch"] = [torch_python, str(peer), f"--weights={weights}"]
        # Engines take turns, so that a machine whose speed drifts is fair to all.
        results: dict[str, dict[str, list]] = {name: {} for name in engines}
        for size in sizes:
            for _ in range(rounds):
                for name, command in engines.items():
                    result = measure_in_process(command, size, runs)
                    results[name].setdefault(size, []).append(result)
    merged = {name: {size: merge(runs) for size, runs in sizes.items()} for name, sizes in results.items()}
    return {"machine": f"{platform.machine()}, {os.cpu_count()} CPUs", "engines": merged}


def merge(rounds: list[dict[str, float]]) -> dict[str, float]:
    """The median over rounds of each figure, and the least time."""
    names = rounds[0].keys()
    merged = {name: statistics.median(result[name] for result in rounds) for name in names}
    return merged | {"min_seconds": min(result["min_seconds"] for result in rounds)}


def save_weights(path: Path) -> None:
    """Writes kernels and biases where the peer can read them without this package."""
    from nst_keras.weights.vgg19 import load_vgg19

    arrays = {}
    for name, (kernel, bias) in load_vgg19("8bit").layers.items():
        arrays |= {f"{name}_kernel": kernel, f"{name}_bias": bias}
    np.savez(path, **arrays)


def main() -> None:
    """Parses the command line; `--engine` and `--size` are for the processes that it starts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch_python", default=sys.executable)
    parser.add_argument("--sizes", default=SIZES)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", choices=["auto", "direct", "xla"])
    parser.add_argument("--size", type=int)
    flags = parser.parse_args()
    if flags.engine:
        print(json.dumps(measure_ours(flags.size, flags.runs, flags.engine)))
    else:
        print(
            json.dumps(
                compare(flags.torch_python, flags.sizes.split(","), flags.runs, flags.rounds), indent=1
            )
        )


if __name__ == "__main__":
    main()
