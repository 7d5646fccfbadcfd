"""Few labelled pictures: a re-trained VGG-19 beside networks from scratch and a linear model on pixels.

    python benchmarks/fine_tuning.py --photos=FOLDER    # FOLDER has a folder of pictures for each class

Prints one JSON object. `few_pictures`: test accuracy and seconds of training (features included, test
pictures not), means over the draws. A draw takes so many training pictures of each class, a fifth of which
chooses epoch, weight decay and phase for every method alike; all are tested on the same test pictures.
Recipes were chosen with `--development`, which trains and tests on the data set's validation pictures alone.
`photos`: accuracy of heads by 5-fold cross-validation, with its 95 % interval. `cached_features`: seconds an
epoch of a head on features computed once and of the same head behind its base, and how much they differ.

What is finished is kept in the output folder, so a benchmark that was killed goes on.
"""

import argparse
import itertools
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from nst_keras.classifiers.batches import BatchSource, in_order
from nst_keras.classifiers.fine_tuning.job import FineTuning
from nst_keras.classifiers.fine_tuning.network import classifier, feature_model, head_model
from nst_keras.classifiers.fine_tuning.settings import FineTuningSettings
from nst_keras.classifiers.plan import TrainingPlan
from nst_keras.classifiers.registry import CLASSIFIERS, build_classifier
from nst_keras.classifiers.settings import ClassificationSettings, recipe
from nst_keras.classifiers.trainer import ClassifierTrainer, cross_entropy
from nst_keras.data.datasets import load_dataset
from nst_keras.data.image_dataset import ImageDataset, Split
from nst_keras.storage.files import write_whole
from nst_keras.weights.pretrained import load_base

DATASET = "fashion_mnist"
IMAGE_SIZE = 64
# On development draws of 50 a class the second phase brought +.7, -1 and 0 points, less than their noise.
VGG19 = FineTuningSettings(base_layer="pool4", epochs=0)
PRECISIONS = {"small_cnn": "float32", "advanced_cnn": "mixed_bfloat16"}
STEPS = {"small_cnn": (1000, 40), "advanced_cnn": (400, 32)}  # at least; and passes over the pictures
SCRATCH_BATCH, JUDGED_EVERY = 32, 50
_VALIDATION = 0.2
_INVERSE_DECAYS = (1e-3, 1e-2, 1e-1, 1.0)
_CACHED_PICTURES, _CACHED_EPOCHS = 256, 3


def draw(dataset: ImageDataset, size: int, number: int, num_test: int, development: bool) -> ImageDataset:
    """A set with `size` labelled pictures of each class, and always the same test pictures."""
    source, tested = ("validation", "validation") if development else ("train", "test")
    images, labels = dataset.splits[source].arrays()
    test_images, test_labels = dataset.splits[tested].arrays()
    chosen = np.random.default_rng(0).permutation(len(test_labels))[:num_test]
    left = np.setdiff1d(np.arange(len(labels)), chosen if development else [])
    rng = np.random.default_rng([number, size])
    num_validation = round(_VALIDATION * size)
    parts: dict[str, list[np.ndarray]] = {"train": [], "validation": []}
    for label in range(len(dataset.class_names)):
        taken = rng.permutation(left[labels[left] == label])[:size]
        parts["validation"].append(taken[:num_validation])
        parts["train"].append(taken[num_validation:])
    indices = {name: np.concatenate(some) for name, some in parts.items()}
    splits = {name: _split(name, images[index], labels[index]) for name, index in indices.items()}
    splits["test"] = _split("test", test_images[chosen], test_labels[chosen])
    fingerprint = f"{dataset.fingerprint} {size} {number} {num_test} {development}"
    return ImageDataset(
        f"{dataset.name}-{size}", dataset.class_names, dataset.image_shape, splits, fingerprint
    )


def _split(name: str, images: np.ndarray, labels: np.ndarray) -> Split:
    return Split(name, tf.data.Dataset.from_tensor_slices((images, labels)), len(labels))


def retrained(dataset: ImageDataset, folder: Path, seed: int) -> dict[str, float]:
    """VGG-19 with a new head, as nst-finetune does it."""
    settings = FineTuningSettings(**{**VGG19.to_dict(), "seed": seed})
    plan = TrainingPlan(image_size=IMAGE_SIZE, output_dir=str(folder), tensorboard=False)
    outcome = FineTuning(settings, plan, dataset).run()
    return {"test_accuracy": outcome.metrics["test_accuracy"], "seconds": outcome.seconds}


def from_scratch(dataset: ImageDataset, model: str, seed: int) -> dict[str, float]:
    """A network with its recipe, and the weights that did best on the validation pictures."""
    settings = recipe(model, DATASET, batch_size=SCRATCH_BATCH, precision=PRECISIONS[model], seed=seed)
    num_steps = _num_steps(model, dataset)
    trainer = ClassifierTrainer(
        _build(dataset, settings, settings.precision),
        settings,
        num_steps,
        average=_build(dataset, settings, "float32"),
    )
    augmentation = {"shift": settings.shift, "flip": settings.flip, "erase": settings.erase}
    source = BatchSource(dataset.splits["train"], settings.batch_size, seed, augmentation)
    began, best, weights = time.monotonic(), (-1.0, 0.0), trainer.weights()
    for step, (images, labels) in enumerate(itertools.islice(source.batches(), num_steps), start=1):
        trainer.step(images, labels, len(labels))
        if step % JUDGED_EVERY == 0:
            logits, targets = trainer.predict(in_order(dataset.splits["validation"]))
            rank = (float(np.mean(logits.argmax(axis=1) == targets)), -cross_entropy(logits, targets))
            if rank > best:
                best, weights = rank, trainer.weights()
    seconds = time.monotonic() - began
    trainer.set_weights(weights)
    logits, targets = trainer.predict(in_order(dataset.splits["test"]))
    return {"test_accuracy": float(np.mean(logits.argmax(axis=1) == targets)), "seconds": seconds}


def _num_steps(model: str, dataset: ImageDataset) -> int:
    least, passes = STEPS[model]
    return max(least, round(passes * dataset.splits["train"].size / SCRATCH_BATCH))


def _build(dataset: ImageDataset, settings: ClassificationSettings, precision: str) -> keras.Model:
    kind = CLASSIFIERS[settings.model]
    options = {option: getattr(settings, name) for name, option in kind.options.items()}
    keras.config.set_dtype_policy(precision)
    try:
        return build_classifier(
            settings.model, dataset.image_shape, len(dataset.class_names), seed=settings.seed, **options
        )
    finally:
        keras.config.set_dtype_policy("float32")


def linear(dataset: ImageDataset) -> dict[str, float]:
    """Logistic regression on pixels, its weight decay chosen on the validation pictures."""
    arrays = {name: split.arrays() for name, split in dataset.splits.items()}
    pixels = {name: images.reshape(len(images), -1) / 255.0 for name, (images, _) in arrays.items()}
    labels = {name: targets for name, (_, targets) in arrays.items()}
    began, found = time.monotonic(), []
    for inverse in _INVERSE_DECAYS:
        with threadpool_limits(1):  # as for our heads
            fitted = LogisticRegression(C=inverse, max_iter=1000).fit(pixels["train"], labels["train"])
        found.append((fitted.score(pixels["validation"], labels["validation"]), fitted))
    seconds = time.monotonic() - began
    best = max(found, key=lambda pair: pair[0])[1]
    return {"test_accuracy": best.score(pixels["test"], labels["test"]), "seconds": seconds}


def photos(folder: Path, output: Path) -> dict[str, float]:
    """Cross-validation of heads on photos, with nst-finetune's defaults."""
    plan = TrainingPlan(dataset=str(folder), output_dir=str(output), tensorboard=False)
    outcome = FineTuning(FineTuningSettings(epochs=0, folds=5), plan).run()
    names = ("cv_accuracy", "cv_accuracy_low", "cv_accuracy_high")
    return {name: outcome.metrics[name] for name in names}


def cached_features(dataset: ImageDataset) -> dict[str, float]:
    """The same head, the same batches: behind its base, and on the base's features computed once."""
    images, labels = (array[:_CACHED_PICTURES] for array in dataset.splits["test"].arrays())
    base = load_base(VGG19.base, layer=VGG19.base_layer)
    features = feature_model(
        base.network,
        channels=images.shape[-1],
        image_size=IMAGE_SIZE,
        preprocessing=base.preprocessing,
        pooling=VGG19.pooling,
    )
    began = time.monotonic()
    vectors = features.predict(images, batch_size=32, verbose=0)
    once = time.monotonic() - began
    keras.utils.set_random_seed(0)
    heads = [head_model(vectors.shape[1], len(dataset.class_names), dropout=0.0) for _ in range(2)]
    heads[1].set_weights(heads[0].get_weights())
    for head in heads:
        head.get_layer("standardize").adapt(vectors)
    alone = _epoch_seconds(heads[0], vectors, labels)
    behind = _epoch_seconds(classifier(features, heads[1]), images.astype(np.float32), labels)
    outputs = [head.predict(vectors, verbose=0) for head in heads]
    return {
        "pictures": len(labels),
        "features_seconds_once": once,
        "seconds_an_epoch": alone,
        "seconds_an_epoch_with_base": behind,
        "ratio": behind / alone,
        "largest_difference_of_logits": float(np.abs(outputs[0] - outputs[1]).max()),
        "largest_logit": float(np.abs(outputs[0]).max()),
    }


def _epoch_seconds(model: keras.Model, inputs: np.ndarray, labels: np.ndarray) -> float:
    """Trains some epochs in the order of the pictures; the first, which traces, isn't timed."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(1e-3, momentum=0.9), loss)
    seconds = []
    for _ in range(_CACHED_EPOCHS + 1):
        began = time.monotonic()
        model.fit(inputs, labels, batch_size=32, shuffle=False, verbose=0)
        seconds.append(time.monotonic() - began)
    return float(np.median(seconds[1:]))


def kept(path: Path, measure: Callable[[], dict[str, float]]) -> dict[str, float]:
    """A measurement from its file, or made now and written there."""
    if not path.exists():
        keras.utils.clear_session()
        write_whole(path, json.dumps(measure()).encode())
    found: dict[str, float] = json.loads(path.read_text())
    print(f"{path.stem}: {found}", file=sys.stderr, flush=True)
    return found


def compare(dataset: ImageDataset, flags: argparse.Namespace) -> dict[str, Any]:
    """Every method on every draw."""
    report: dict[str, Any] = {}
    for size in map(int, flags.sizes.split(",")):
        cells: dict[str, list[dict[str, float]]] = {}
        for number in range(flags.draws):
            some = draw(dataset, size, number, flags.test_pictures, flags.development)
            methods: dict[str, Callable[[], dict[str, float]]] = {
                "linear_on_pixels": lambda some=some: linear(some),
                "small_cnn": lambda some=some: from_scratch(some, "small_cnn", flags.seed),
                "advanced_cnn": lambda some=some: from_scratch(some, "advanced_cnn", flags.seed),
                "vgg19": lambda some=some, folder=flags.output_dir / f"vgg19-{size}-{number}": retrained(
                    some, folder, flags.seed
                ),
            }
            for name in flags.methods.split(","):
                path = flags.output_dir / f"{name}-{size}-{number}.json"
                cells.setdefault(name, []).append(kept(path, methods[name]))
        report[str(size)] = {name: _mean(found) for name, found in cells.items()}
    return report


def _mean(cells: list[dict[str, float]]) -> dict[str, Any]:
    means = {name: round(float(np.mean([cell[name] for cell in cells])), 4) for name in cells[0]}
    return means | {"test_accuracies": [round(cell["test_accuracy"], 4) for cell in cells]}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="10,20,50,100", help="labelled pictures of each class")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--methods", default="linear_on_pixels,small_cnn,advanced_cnn,vgg19")
    parser.add_argument("--test_pictures", type=int, default=2000)
    parser.add_argument("--photos", type=Path, help="folder of class folders")
    parser.add_argument("--output_dir", type=Path, default=Path("runs/fine_tuning"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--development", action="store_true", help="on other pictures, to choose recipes")
    flags = parser.parse_args()
    flags.output_dir.mkdir(parents=True, exist_ok=True)
    dataset = load_dataset(DATASET)
    report: dict[str, Any] = {"dataset": dataset.name, "test_pictures": flags.test_pictures}
    report["cached_features"] = kept(flags.output_dir / "cached.json", lambda: cached_features(dataset))
    if flags.photos:
        output = flags.output_dir
        report["photos"] = kept(output / "photos.json", lambda: photos(flags.photos, output / "photos"))
    report["few_pictures"] = compare(dataset, flags)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
