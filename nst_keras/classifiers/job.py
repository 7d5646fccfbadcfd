"""Training of a classifier from a data set's name to a folder with model and report."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import keras
import tensorflow as tf
from scipy.special import softmax

from nst_keras.classifiers.batches import BatchSource, in_order
from nst_keras.classifiers.loop import Learned, TrainingLoop
from nst_keras.classifiers.output import describe_training, save_model
from nst_keras.classifiers.plan import MODEL, SAVED_MODEL, TrainingPlan
from nst_keras.classifiers.registry import CLASSIFIERS, build_classifier
from nst_keras.classifiers.report import Predictions, write_report
from nst_keras.classifiers.settings import ClassificationSettings
from nst_keras.classifiers.trainer import ClassifierTrainer, measure
from nst_keras.data.checks import DatasetChecks, check_dataset
from nst_keras.data.datasets import load_dataset
from nst_keras.data.image_dataset import ImageDataset
from nst_keras.errors import InputError
from nst_keras.runs.distribution import worker
from nst_keras.runs.loop import Watcher
from nst_keras.runs.plan import CHECKPOINT
from nst_keras.storage.folders import making_folder


@dataclass(frozen=True)
class TrainingOutcome:
    """How a training ended: its report's page, or None if it was stopped, and the file to go on from."""

    report: Path | None
    kept: Path
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0


class Training:
    """One training: data, model and everything that is kept of it.

    Args:
        settings: How to train.
        plan: Where from and where to.
        strategy: Over several workers; made before anything else of TensorFlow is used.
        dataset: Pictures, instead of those that the plan names.
    """

    def __init__(
        self,
        settings: ClassificationSettings,
        plan: TrainingPlan,
        strategy: tf.distribute.Strategy | None = None,
        dataset: ImageDataset | None = None,
    ) -> None:
        self.settings, self.plan = settings, plan
        self._strategy = strategy or tf.distribute.get_strategy()
        self._worker = worker(self._strategy)
        if self._strategy.num_replicas_in_sync != self._worker[1]:
            raise InputError("--distribute: each worker must see one device; CUDA_VISIBLE_DEVICES chooses it")
        with making_folder(plan.folder(settings.model)) as self.folder:
            self.dataset = dataset or load_dataset(plan.dataset, **plan.options(), seed=settings.seed)
            self.checks: DatasetChecks = read_and_check(self.dataset)
        augmentation = {"shift": settings.shift, "flip": settings.flip, "erase": settings.erase}
        self._source = BatchSource(
            self.dataset.splits["train"],
            settings.batch_size,
            settings.seed,
            augmentation if any(augmentation.values()) else {},
            self._worker,
        )
        self._num_epochs = settings.num_epochs(self._source.steps_per_epoch)
        num_steps = self._num_epochs * self._source.steps_per_epoch
        self.trainer = ClassifierTrainer(
            self._build(settings.precision),
            settings,
            num_steps,
            self._strategy,
            average=self._build("float32") if settings.ema else None,
        )

    @property
    def is_chief(self) -> bool:
        """Whether this process is the one that writes."""
        return self._worker[0] == 0

    def run(self, watcher: Watcher = Watcher()) -> TrainingOutcome:
        """Trains to the end, or until told to stop, and writes what there is; see `TrainingLoop.run`."""
        loop = TrainingLoop(
            self.trainer,
            self._source,
            self.dataset,
            num_epochs=self._num_epochs,
            plan=self.plan,
            folder=self.folder,
            record={"settings": self.settings.to_dict(), "validation": self.plan.validation},
        )
        learned = loop.run(watcher)
        if not learned.finished:
            return TrainingOutcome(None, self.folder / CHECKPOINT)
        return self._finish(learned)

    def _finish(self, learned: Learned) -> TrainingOutcome:
        """Evaluates the best epoch's weights on the test pictures and writes model and report."""
        self.trainer.set_weights(learned.best)
        test = self.dataset.splits["test"]
        logits, labels = self.trainer.predict(in_order(test))
        metrics = {
            **measure(logits, labels, "test_", with_loss=not self.trainer.has_rule),
            "val_accuracy": learned.history[learned.best_epoch - 1]["val_accuracy"],
            "best_epoch": learned.best_epoch,
        }
        report = self.folder / "report.html"
        if self.is_chief:
            model = self.trainer.evaluated
            exported = self.folder / SAVED_MODEL if self.plan.saved_model else None
            save_model(model, self.folder / MODEL, exported)
            settings = self.settings
            record = describe_training(
                settings.model, settings.to_dict(), self.dataset, self.checks, model, learned, metrics
            )
            predictions = Predictions(test.arrays()[0], labels, softmax(logits, axis=1))
            write_report(self.folder, record, learned.history, predictions, self.dataset.class_names)
        return TrainingOutcome(report, self.folder / CHECKPOINT, metrics, learned.seconds)

    def _build(self, precision: str) -> keras.Model:
        settings, kind = self.settings, CLASSIFIERS[self.settings.model]
        options = {option: getattr(settings, name) for name, option in kind.options.items()}
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy("float32" if kind.by_rule else precision)
        try:
            with self._strategy.scope():
                return build_classifier(
                    settings.model,
                    self.dataset.image_shape,
                    len(self.dataset.class_names),
                    seed=settings.seed,
                    **options,
                )
        except InputError as error:
            hint = " (--learning_rate is this model's eta)" if "eta" in options else ""
            raise InputError(f"{error}{hint}") from error
        finally:
            keras.config.set_dtype_policy(before)


def read_and_check(dataset: ImageDataset) -> DatasetChecks:
    """Checks a set, which reads all of it; TensorFlow's complaints about a picture name the set."""
    try:
        return check_dataset(dataset)
    except (
        tf.errors.DataLossError,
        tf.errors.InvalidArgumentError,
        tf.errors.FailedPreconditionError,  # fewer or more pictures than there should be
    ) as error:
        reason = (error.message or "").partition("\n")[0]
        raise InputError(f"{dataset.name}: holds a picture that can't be read: {reason}") from error
