"""Re-training of a pretrained network, from a folder of pictures to a served model's folder and a report."""

import functools
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from scipy.special import softmax
from sklearn.model_selection import StratifiedKFold, train_test_split

from nst_keras.converters.pretrained import load_base
from nst_keras.export.classifier import export_classifier
from nst_keras.figures.grad_cam import draw_grad_cam, grad_cam
from nst_keras.figures.look import encode_png
from nst_keras.io.datasets import load_dataset
from nst_keras.io.feature_store import FeatureStore
from nst_keras.jobs.train import TrainingOutcome, read_and_check
from nst_keras.jobs.training_loop import TrainingLoop
from nst_keras.jobs.training_output import describe_training, save_model
from nst_keras.jobs.training_plan import CHECKPOINT, MODEL, SAVED_MODEL, TrainingPlan
from nst_keras.jobs.training_progress import TrainingProgress
from nst_keras.jobs.training_report import Predictions, write_report
from nst_keras.jobs.training_state import TrainingState
from nst_keras.models.classifier import classifier, feature_model, head_model
from nst_keras.training.calibration import accuracy_interval, calibration_error, fit_temperature
from nst_keras.training.classification import ClassifierTrainer, cross_entropy
from nst_keras.training.fine_tuning import (
    class_weights,
    compute_features,
    layer_rates,
    train_head,
    unfreeze,
)
from nst_keras.training.fine_tuning_settings import DEFAULT_IMAGE_SIZE, FineTuningSettings
from nst_keras.training.input_pipeline import BatchSource, in_order

_SHOWN = 12  # pictures with a heat map


class FineTuning:
    """One re-training: pictures, pretrained base, head, and everything that is kept of it.

    Attributes:
        settings: How to train.
        plan: Where from and where to.
        dataset: The pictures.
        checks: What was found out about them.
        base: The pretrained network.
        folder: Where everything is written.
    """

    def __init__(self, settings: FineTuningSettings, plan: TrainingPlan) -> None:
        """Reads and checks the pictures, and builds base and head.

        Raises:
            InputError: If pictures or weights can't be had, or don't fit together.
        """
        self.settings, self.plan = settings, plan
        self.folder = plan.make_folder(settings.base)
        self._size = plan.image_size or DEFAULT_IMAGE_SIZE
        self.dataset = load_dataset(
            plan.dataset,
            data_dir=plan.data_dir,
            manual_dir=plan.manual_dir,
            image_size=(self._size, self._size),
            validation=plan.validation,
            strict=plan.strict,
            seed=settings.seed,
        )
        self.checks = read_and_check(self.dataset)
        self.base = load_base(settings.base, layer=settings.base_layer, weights=settings.base_weights)
        self._features = feature_model(
            self.base.network,
            channels=self.dataset.image_shape[2],
            image_size=self._size,
            preprocessing=self.base.preprocessing,
            pooling=settings.pooling,
        )
        self._head = self._new_head()
        self._store = FeatureStore(
            {
                "base": self.base.name,
                "weights": self.base.digest,
                "layer": self.base.layer,
                "pooling": settings.pooling,
                "image_size": self._size,
                "preprocessing": self.base.preprocessing.mode,
            }
        )

    def run(
        self,
        *,
        on_features: Callable[[str, int, int], None] = lambda split, done, count: None,
        observers: Sequence[Callable[[TrainingProgress], None]] = (),
        should_stop: Callable[[], bool] = lambda: False,
        say: Callable[[str], None] = lambda text: None,
    ) -> TrainingOutcome:
        """Trains both phases, or until told to stop, and writes model, SavedModel and report.

        Args:
            on_features: Called with split, pictures done and their number while features are computed.
            observers: Called after each step of the second phase.
            should_stop: Asked after each step of the second phase.
            say: Called with a line of text now and then.

        Raises:
            InputError: If the folder holds another training, or something can't be written.
        """
        began = time.monotonic()
        try:
            features = self._compute_features(on_features, should_stop)
        except _Stopped:
            return TrainingOutcome(False, self._store.path, TrainingState(), {})
        say(f"features took {time.monotonic() - began:.1f} s")
        history = train_head(self._head, features["train"], features["validation"], self.settings)
        found = {f"head_{name}": value for name, value in self._judge_head(features).items()}
        say("  ".join(f"{name} {value:.4g}" for name, value in found.items()))
        if self.settings.folds:
            found |= self._cross_validate(features)
        model = classifier(self._features, self._head)
        state = TrainingState(seconds=time.monotonic() - began, history=tuple(history))
        if not self.settings.epochs:
            return self._finish(model, state, found, features["test"])
        trainer, loop = self._second_phase(model, features["train"][1])
        before = trainer.weights()
        second, ended = loop.run(observers=observers, should_stop=should_stop, say=say)
        if not ended:
            return TrainingOutcome(False, self.folder / CHECKPOINT, second, {})
        best = second.history[second.best_epoch - 1]
        head = (found["head_val_accuracy"], -found["head_val_loss"])
        better = (best["val_accuracy"], -best["val_loss"]) > head
        trainer.set_weights(second.best if better else before)
        found["second_phase_kept"] = float(better)
        state = _joined(state, second)
        return self._finish(model, state, found, None)

    def _compute_features(
        self, on_features: Callable[[str, int, int], None], should_stop: Callable[[], bool]
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        def report(name: str, done: int, count: int) -> None:
            on_features(name, done, count)
            if should_stop():
                raise _Stopped

        return {
            name: compute_features(
                self._features,
                split,
                self._store,
                mirrored=self.settings.flip and name == "train",
                progress=functools.partial(report, name),
            )
            for name, split in self.dataset.splits.items()
        }

    def _new_head(self) -> keras.Model:
        keras.utils.set_random_seed(self.settings.seed)
        hidden = (self.settings.hidden,) if self.settings.hidden else ()
        return head_model(
            self._features.output_shape[-1],
            len(self.dataset.class_names),
            hidden=hidden,
            dropout=self.settings.dropout,
        )

    def _judge_head(self, features: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
        found = {}
        for name, split in (("val", "validation"), ("test", "test")):
            inputs, labels = features[split]
            logits = self._head(inputs, training=False).numpy()
            found[f"{name}_accuracy"] = float(np.mean(logits.argmax(axis=1) == labels))
            found[f"{name}_loss"] = cross_entropy(logits, labels)
        return found

    def _cross_validate(self, features: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
        """Accuracy of heads that each leave out a part of all pictures and are tested on it."""
        count = len(self.dataset.splits["train"].arrays()[1])
        splits = [(features["train"][0][:count], features["train"][1][:count])]  # without mirror images
        splits += [features["validation"], features["test"]]
        inputs, labels = (np.concatenate(arrays) for arrays in zip(*splits, strict=True))
        folds = StratifiedKFold(self.settings.folds, shuffle=True, random_state=self.settings.seed)
        right = 0
        for rest, left_out in folds.split(inputs, labels):
            train, validation = train_test_split(
                rest, test_size=0.15, stratify=labels[rest], random_state=self.settings.seed
            )
            head = self._new_head()
            train_head(
                head, (inputs[train], labels[train]), (inputs[validation], labels[validation]), self.settings
            )
            answers = head(inputs[left_out], training=False).numpy().argmax(axis=1)
            right += int(np.sum(answers == labels[left_out]))
        low, high = accuracy_interval(right, len(labels))
        return {"cv_accuracy": right / len(labels), "cv_accuracy_low": low, "cv_accuracy_high": high}

    def _second_phase(self, model: keras.Model, labels: np.ndarray) -> tuple[ClassifierTrainer, TrainingLoop]:
        settings = self.settings.second_phase()
        unfreeze(self.base.network, self.settings.unfreeze)
        self._head.get_layer("standardize").trainable = False
        trainable = {variable.path for variable in model.trainable_variables}
        splits = self.dataset.splits
        augmentation = {"shift": settings.shift, "flip": settings.flip}
        source = BatchSource(splits["train"], settings.batch_size, settings.seed, augmentation)
        trainer = ClassifierTrainer(
            model,
            settings,
            settings.epochs * source.steps_per_epoch,
            rates=layer_rates(self.base.network, self.settings.layer_decay),
            class_weights=class_weights(labels) if self.settings.class_weights else None,
            frozen={variable.path for variable in model.weights} - trainable,
        )
        record = {
            "settings": self.settings.to_dict(),
            "base": self.base.digest,
            "dataset": self.dataset.fingerprint,
            "image_shape": list(self.dataset.image_shape),
        }
        loop = TrainingLoop(
            trainer,
            source,
            splits["validation"],
            num_epochs=settings.epochs,
            plan=self.plan,
            folder=self.folder,
            record=record,
        )
        return trainer, loop

    def _finish(
        self,
        model: keras.Model,
        state: TrainingState,
        found: Mapping[str, float],
        test_features: tuple[np.ndarray, np.ndarray] | None,
    ) -> TrainingOutcome:
        """Calibrates, tests, and writes everything; with the base unchanged, features stand for pictures."""
        settings = self.settings.second_phase()
        trainer = ClassifierTrainer(model, settings, 1)
        validation = trainer.predict(in_order(self.dataset.splits["validation"]))
        temperature = fit_temperature(*validation)
        test = self.dataset.splits["test"]
        if test_features is None:
            logits, labels = trainer.predict(in_order(test))
        else:
            logits, labels = self._head(test_features[0], training=False).numpy(), test_features[1]
        right = int(np.sum(logits.argmax(axis=1) == labels))
        low, high = accuracy_interval(right, len(labels))
        metrics = {
            "test_accuracy": right / len(labels),
            "test_accuracy_low": low,
            "test_accuracy_high": high,
            "test_loss": cross_entropy(logits / temperature, labels),
            "temperature": temperature,
            "calibration_error": calibration_error(logits, labels, temperature),
            "calibration_error_before": calibration_error(logits, labels),
            **found,
        }
        save_model(model, self.folder / MODEL)
        if self.plan.saved_model:
            self._export(model, temperature)
        weights = [np.asarray(variable) for variable in model.weights]
        record = describe_training(
            settings, self.dataset, self.checks, model, replace(state, best=weights), metrics
        )
        record |= {"model": self.base.name, "settings": self.settings.to_dict()}
        record["fingerprints"] |= {"base": self.base.digest}
        predictions = Predictions(test.arrays()[0], labels, softmax(logits / temperature, axis=1))
        report = write_report(
            self.folder,
            record,
            state.history,
            predictions,
            self.dataset.class_names,
            more={"grad_cam.png": self._heat_maps(predictions)},
        )
        return TrainingOutcome(True, report, state, metrics)

    def _export(self, model: keras.Model, temperature: float) -> None:
        target = self.folder / SAVED_MODEL
        with tempfile.TemporaryDirectory(prefix=".nst_keras-", dir=self.folder) as folder:
            export_classifier(
                model,
                Path(folder, "saved_model"),
                class_names=self.dataset.class_names,
                image_size=(self._size, self._size),
                temperature=temperature,
            )
            if target.exists():
                target.rename(Path(folder, "replaced"))
            shutil.move(Path(folder, "saved_model"), target)

    def _heat_maps(self, predictions: Predictions) -> tuple[str, str, bytes]:
        """A few right answers and a few wrong ones, with what spoke for them."""
        answers = predictions.probabilities.argmax(axis=1)
        wrong = np.flatnonzero(answers != predictions.labels)[: _SHOWN // 2]
        right = np.flatnonzero(answers == predictions.labels)[: _SHOWN - len(wrong)]
        shown = np.concatenate([right, wrong])
        images, names = predictions.images[shown], self.dataset.class_names
        heat = grad_cam(self._features, self._head, images, answers[shown])
        titles = [
            names[answer] if answer == label else f"{names[label]} → {names[answer]}"
            for answer, label in zip(answers[shown], predictions.labels[shown], strict=True)
        ]
        text = "Bright is what spoke for the answer (Grad-CAM); mistakes, if there are any, come last."
        return "Where the network looked", text, encode_png(draw_grad_cam(images, heat, titles))


class _Stopped(Exception):
    """The user wants to stop while features are computed; those that there are have been kept."""


def _joined(first: TrainingState, second: TrainingState) -> TrainingState:
    """Both phases as one, for the report."""
    number = len(first.history)
    later = [{**epoch, "epoch": number + epoch["epoch"]} for epoch in second.history]
    return replace(second, history=(*first.history, *later), seconds=first.seconds + second.seconds)
