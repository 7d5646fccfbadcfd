"""Re-training of a pretrained network, from a folder of pictures to a served model's folder and a report."""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import replace

import keras
import numpy as np

from nst_keras.classifiers.batches import BatchSource, in_order
from nst_keras.classifiers.calibration import accuracy_interval
from nst_keras.classifiers.fine_tuning.feature_store import FeatureStore
from nst_keras.classifiers.fine_tuning.features import compute_features, layer_rates, unfreeze
from nst_keras.classifiers.fine_tuning.head import class_weights, cross_validate, require_enough, train_head
from nst_keras.classifiers.fine_tuning.network import classifier, feature_model, head_model
from nst_keras.classifiers.fine_tuning.output import FineTuned, write_fine_tuned
from nst_keras.classifiers.fine_tuning.settings import DEFAULT_IMAGE_SIZE, FineTuningSettings
from nst_keras.classifiers.job import TrainingOutcome, read_and_check
from nst_keras.classifiers.loop import Learned, TrainingLoop
from nst_keras.classifiers.plan import TrainingPlan
from nst_keras.classifiers.trainer import ClassifierTrainer, Labelled, measure
from nst_keras.data.datasets import load_dataset
from nst_keras.data.image_dataset import ImageDataset
from nst_keras.runs.loop import Watcher
from nst_keras.runs.plan import CHECKPOINT
from nst_keras.storage.folders import making_folder
from nst_keras.weights.pretrained import load_base


class FineTuning:
    """One re-training: pictures, pretrained base, head, and everything that is kept of it.

    `dataset` are pictures of any one size, instead of those that the plan names.
    """

    def __init__(
        self, settings: FineTuningSettings, plan: TrainingPlan, dataset: ImageDataset | None = None
    ) -> None:
        self.settings, self.plan = settings, plan
        with making_folder(plan.folder(settings.base)) as self.folder:
            self._prepare(dataset)

    def _prepare(self, dataset: ImageDataset | None) -> None:
        settings, plan = self.settings, self.plan
        size = plan.image_size or DEFAULT_IMAGE_SIZE
        options = plan.options() | {"image_size": (size, size)}
        self.dataset = dataset or load_dataset(plan.dataset, **options, seed=settings.seed)
        self.checks = read_and_check(self.dataset)
        if settings.folds:
            labels = [split.arrays()[1] for split in self.dataset.splits.values()]
            require_enough(np.concatenate(labels), settings.folds)
        self.base = load_base(settings.base, layer=settings.base_layer, weights=settings.base_weights)
        self._features = feature_model(
            self.base.network,
            channels=self.dataset.image_shape[2],
            image_size=size,
            preprocessing=self.base.preprocessing,
            pooling=settings.pooling,
        )
        if settings.epochs:
            unfreeze(self.base.network, settings.unfreeze)
        self._head = self._new_head()

    def run(self, watcher: Watcher = Watcher()) -> TrainingOutcome:
        """Trains both phases, or until told to stop, and writes model, SavedModel and report.

        The time that is reported ends with training: without test pictures and cross-validation.
        """
        with contextlib.closing(self._feature_store()) as store:
            try:
                features, learned = self._first_phase(store, watcher)
            except _Stopped:
                return TrainingOutcome(None, store.path)
        answers = {}
        for name in ("validation", "test"):
            inputs, labels = features[name]
            answers[name] = self._head(inputs, training=False).numpy(), labels
        found = {**measure(*answers["validation"], "head_val_"), **measure(*answers["test"], "head_test_")}
        watcher.say("  ".join(f"{name} {value:.4g}" for name, value in found.items()))
        found |= self._cross_validate(features, watcher) if self.settings.folds else {}
        model = classifier(self._features, self._head)
        if self.settings.epochs:
            trainer, loop = self._second_phase(model, features["train"][1])
            before = trainer.weights()
            second = loop.run(watcher)
            if not second.finished:
                return TrainingOutcome(None, self.folder / CHECKPOINT)
            best = second.history[second.best_epoch - 1]
            head = (found["head_val_accuracy"], -found["head_val_loss"])
            better = (best["val_accuracy"], -best["val_loss"]) > head
            trainer.set_weights(second.best if better else before)
            if better:
                answers = {name: trainer.predict(in_order(self.dataset.splits[name])) for name in answers}
            found["second_phase_kept"] = float(better)
            learned = _joined(learned, second)
        result = FineTuned(model, self._features, self._head, self.base, self.dataset, self.checks)
        metrics = write_fine_tuned(
            result, self.folder, learned, answers, found, self.settings, saved_model=self.plan.saved_model
        )
        report = self.folder / "report.html"
        return TrainingOutcome(report, self.folder / CHECKPOINT, metrics, learned.seconds)

    def _feature_store(self) -> FeatureStore:
        return FeatureStore(
            {
                "base": self.base.name,
                "weights": self.base.digest,
                "layer": self.base.layer,
                "pooling": f"{self.settings.pooling}, length 1",
                "image_size": self.plan.image_size or DEFAULT_IMAGE_SIZE,
                "preprocessing": self.base.preprocessing.mode,
            }
        )

    def _first_phase(self, store: FeatureStore, watcher: Watcher) -> tuple[dict[str, Labelled], Learned]:
        def compute(name: str) -> Labelled:
            def progress(done: int, count: int) -> None:
                watcher.show(f"features of {name} pictures: {done}/{count}")
                if watcher.should_stop():
                    raise _Stopped

            mirrored = self.settings.flip and name == "train"
            split = self.dataset.splits[name]
            return compute_features(self._features, split, store, mirrored=mirrored, progress=progress)

        began = time.monotonic()
        features = {name: compute(name) for name in ("train", "validation")}
        watcher.say(f"features took {time.monotonic() - began:.1f} s")
        history = train_head(self._head, features["train"], features["validation"], self.settings)
        learned = Learned(time.monotonic() - began if self.plan.timed else 0.0, tuple(history))
        features["test"] = compute("test")  # as long as the base is as it was
        return features, learned

    def _new_head(self) -> keras.Model:
        keras.utils.set_random_seed(self.settings.seed)
        return head_model(
            self._features.output_shape[-1],
            len(self.dataset.class_names),
            hidden=(self.settings.hidden,) if self.settings.hidden else (),
            dropout=self.settings.dropout,
        )

    def _cross_validate(self, features: Mapping[str, Labelled], watcher: Watcher) -> dict[str, float]:
        """Accuracy of heads that each leave out a part of all pictures and are tested on it."""
        splits = self.dataset.splits
        # Mirror images come last in "train": a fold must not be tested on another's mirror image.
        parts = [[array[: split.size] for array in features[name]] for name, split in splits.items()]
        inputs, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        answers = cross_validate(self._new_head, inputs, labels, self.settings)
        paths = [path for split in splits.values() for path in split.paths]
        for number in np.flatnonzero(answers != labels)[: len(paths)]:
            watcher.say(
                f"cross-validation takes {paths[number]} for {self.dataset.class_names[answers[number]]}"
            )
        right = int(np.sum(answers == labels))
        low, high = accuracy_interval(right, len(labels))
        return {"cv_accuracy": right / len(labels), "cv_accuracy_low": low, "cv_accuracy_high": high}

    def _second_phase(self, model: keras.Model, labels: np.ndarray) -> tuple[ClassifierTrainer, TrainingLoop]:
        settings = self.settings.second_phase()
        trainable = {variable.path for variable in model.trainable_variables}
        augmentation = {"shift": settings.shift, "flip": settings.flip}
        source = BatchSource(self.dataset.splits["train"], settings.batch_size, settings.seed, augmentation)
        trainer = ClassifierTrainer(
            model,
            settings,
            self.settings.epochs * source.steps_per_epoch,
            rates=layer_rates(self.base.network, self.settings.layer_decay),
            class_weights=class_weights(labels) if self.settings.class_weights else None,
            frozen={variable.path for variable in model.weights} - trainable,
        )
        loop = TrainingLoop(
            trainer,
            source,
            self.dataset,
            num_epochs=self.settings.epochs,
            plan=self.plan,
            folder=self.folder,
            record={"settings": self.settings.to_dict(), "base": self.base.digest},
        )
        return trainer, loop


class _Stopped(Exception):
    """The user wants to stop while features are computed."""


def _joined(first: Learned, second: Learned) -> Learned:
    """Both phases as one, for the report."""
    number = len(first.history)
    later = [{**epoch, "epoch": number + epoch["epoch"]} for epoch in second.history]
    return replace(second, history=(*first.history, *later), seconds=first.seconds + second.seconds)
