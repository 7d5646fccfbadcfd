"""Training steps of the advanced CNN with the fused batch normalisation and with Keras's own.

    python benchmarks/batch_normalization.py

Prints one JSON object: milliseconds a step of 128 pictures of 28x28 pixels (median of several), by layer and
precision, measured by turns in one process each. The limit of both is memory traffic: the arithmetic of
normalisation is nothing beside the convolutions'.
"""

import json
import statistics
import subprocess
import sys
import time

_BATCH, _STEPS, _ROUNDS = 128, 15, 2


def measure(layer: str, precision: str) -> float:
    """Returns the median milliseconds of a step in this process."""
    import keras
    import numpy as np

    from nst_keras.classifiers.settings import recipe
    from nst_keras.classifiers.trainer import ClassifierTrainer
    from nst_keras.models import cnn

    if layer == "keras":
        cnn.FusedBatchNormalization = keras.layers.BatchNormalization  # type: ignore[misc]
    keras.config.set_dtype_policy(precision)
    model = cnn.advanced_cnn((28, 28, 1), 10)
    trainer = ClassifierTrainer(model, recipe("advanced_cnn", ema=0.0), 10_000)
    images = np.random.default_rng(0).integers(0, 256, (_BATCH, 28, 28, 1), np.uint8)
    times = []
    for _ in range(_STEPS + 2):
        began = time.perf_counter()
        trainer.step(images, np.arange(_BATCH) % 10, _BATCH)
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times[2:])  # the first steps trace


def main() -> None:
    """Measures each combination in processes of their own."""
    if len(sys.argv) == 3:
        print(measure(*sys.argv[1:]))
        return
    report: dict[str, list[float]] = {}
    for _ in range(_ROUNDS):
        for precision in ("float32", "mixed_bfloat16"):
            for layer in ("keras", "fused"):
                command = [sys.executable, __file__, layer, precision]
                output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                report.setdefault(f"{layer} {precision}", []).append(round(float(output.split()[-1]), 1))
    print(json.dumps({"milliseconds_per_step": report}, indent=1))


if __name__ == "__main__":
    main()
