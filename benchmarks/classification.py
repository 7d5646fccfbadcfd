"""Accuracy, time and speed of the classifiers, the linear ones and the MLP beside scikit-learn's.

    python benchmarks/classification.py --dataset=fashion_mnist --precision=mixed_bfloat16
    python benchmarks/classification.py --models=perceptron,adaline,mlp   # digits, in a minute or two

Prints one JSON object. `models` are runs of nst-train, each a process of its own; a run that the output
folder holds is taken as it is, otherwise it is made (advanced_cnn on Fashion-MNIST takes most of an
hour). `peers` are scikit-learn's estimators on the same training pictures for as many epochs, the best of
them chosen by the same validation pictures as ours. `input_pipeline` compares images/s of training on
shuffled and augmented batches with the same steps on batches that lie ready in memory.
"""

import argparse
import inspect
import itertools
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from sklearn.linear_model import Perceptron, SGDClassifier
from sklearn.neural_network import MLPClassifier

from nst_keras.classifiers.batches import BatchSource
from nst_keras.classifiers.registry import CLASSIFIERS, build_classifier
from nst_keras.classifiers.settings import recipe
from nst_keras.classifiers.trainer import ClassifierTrainer
from nst_keras.data.datasets import ImageDataset, load_dataset
from nst_keras.models.mlp import mlp

_HIDDEN = inspect.signature(mlp).parameters["hidden"].default
_READY, _SECONDS, _ROUNDS = 40, 2.0, 9


def train(model: str, dataset: str, folder: Path, seed: int, precision: str) -> dict[str, Any]:
    """Runs nst-train, unless the folder holds that run, and returns what its report says."""
    output = folder / f"{model}-{dataset}"
    flags = [f"--model={model}", f"--dataset={dataset}", f"--output_dir={output}", f"--seed={seed}"]
    if model == "advanced_cnn":
        flags.append(f"--precision={precision}")
    subprocess.run(
        [sys.executable, "-m", "nst_keras.cli.train", *flags], check=True, stdout=subprocess.DEVNULL
    )
    report = json.loads((output / "report.json").read_text())
    return {
        "test_accuracy": report["metrics"]["test_accuracy"],
        "val_accuracy": report["metrics"]["val_accuracy"],
        "parameters": report["parameters"],
        **report["time"],
    }


def peers(seed: int) -> dict[str, Any]:
    """scikit-learn's estimators with our sizes, and its own defaults where it has good ones."""
    return {
        "perceptron": Perceptron(random_state=seed),
        # What scikit-learn has of ADALINE: linear units by stochastic gradient descent on squared errors.
        "adaline": SGDClassifier(
            "squared_error", penalty=None, learning_rate="invscaling", eta0=1e-4, random_state=seed
        ),
        "mlp": MLPClassifier(_HIDDEN, batch_size=recipe("mlp").batch_size, random_state=seed),
    }


def fit_peer(estimator: Any, epochs: int, dataset: ImageDataset) -> dict[str, float]:
    """Fits epoch by epoch and reports the test accuracy after the best one on the validation pictures."""
    splits = {name: split.arrays() for name, split in dataset.splits.items()}
    pixels = {name: images.reshape(len(images), -1) / np.float32(255) for name, (images, _) in splits.items()}
    labels = {name: labels for name, (_, labels) in splits.items()}
    rng, best, seconds = np.random.default_rng(0), (-1.0, 0.0, 0), 0.0
    for epoch in range(1, epochs + 1):
        order = rng.permutation(len(labels["train"]))
        inputs, targets = pixels["train"][order], labels["train"][order]
        began = time.perf_counter()
        estimator.partial_fit(inputs, targets, classes=np.arange(len(dataset.class_names)))
        seconds += time.perf_counter() - began
        scores = (estimator.score(pixels[name], labels[name]) for name in ("validation", "test"))
        best = max(best, (*scores, epoch), key=lambda found: found[0])
    return {
        "test_accuracy": best[1],
        "val_accuracy": best[0],
        "best_epoch": best[2],
        "epochs": epochs,
        "seconds": round(seconds, 2),
    }


def measure_pipeline(model: str, dataset: ImageDataset, seed: int, precision: str) -> dict[str, float]:
    """Images/s of training steps: batches from the input pipeline, and the same batches ready in memory."""
    settings = recipe(model, dataset.name, seed=seed)
    keras.config.set_dtype_policy(precision if model == "advanced_cnn" else "float32")
    built = build_classifier(model, dataset.image_shape, len(dataset.class_names), seed=seed)
    trainer = ClassifierTrainer(built, settings, num_steps=10_000)
    augmentation = {"shift": settings.shift, "flip": settings.flip, "erase": settings.erase}
    source = BatchSource(dataset.splits["train"], settings.batch_size, seed, augmentation)
    ready = list(itertools.islice(source.batches(), _READY))
    _speed(trainer, ready[:3])  # traces
    # Many times what is prefetched, and some seconds' worth of steps.
    steps = max(_READY, round(_SECONDS * _speed(trainer, ready[:10]) / settings.batch_size))
    batches = source.batches()
    next(batches)  # starts the pipeline
    speeds = []  # (from the pipeline, from memory), by turns: whatever else the machine does meets both
    for _ in range(_ROUNDS):
        pipeline = _speed(trainer, itertools.islice(batches, steps))
        speeds.append((pipeline, _speed(trainer, itertools.islice(itertools.cycle(ready), steps))))
    medians = np.median(speeds, axis=0)
    ratios = [pipeline / memory for pipeline, memory in speeds]
    return {
        "images_per_second": round(medians[0], 1),
        "images_per_second_in_memory": round(medians[1], 1),
        "ratio_median": round(float(np.median(ratios)), 3),
        "ratio_least": round(min(ratios), 3),
        "ratio_most": round(max(ratios), 3),
    }


def _speed(trainer: ClassifierTrainer, batches: Any) -> float:
    began, count = time.perf_counter(), 0
    for images, labels in batches:
        trainer.step(images, labels, len(labels))
        count += len(labels)
    return count / (time.perf_counter() - began)


def main() -> None:
    """Trains, fits and measures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--models", default=",".join(CLASSIFIERS))
    parser.add_argument("--output_dir", type=Path, default=Path("runs"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", default="float32", help="of advanced_cnn's steps")
    flags = parser.parse_args()
    models = flags.models.split(",")
    report: dict[str, Any] = {"dataset": flags.dataset, "models": {}, "peers": {}, "input_pipeline": {}}
    for model in models:
        report["models"][model] = train(model, flags.dataset, flags.output_dir, flags.seed, flags.precision)
    dataset = load_dataset(flags.dataset, seed=flags.seed)
    for model in models:
        report["input_pipeline"][model] = measure_pipeline(model, dataset, flags.seed, flags.precision)
    for name, estimator in peers(flags.seed).items():
        if name in models:
            epochs = report["models"][name]["epochs"]
            report["peers"][f"sklearn {type(estimator).__name__}"] = fit_peer(estimator, epochs, dataset)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
