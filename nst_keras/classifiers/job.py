"""Training of a classifier from a data set's name to a folder with model and report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf
from scipy.special import softmax

from nst_keras.classifiers.batches import BatchSource, in_order
from nst_keras.classifiers.loop import TrainingLoop, measure
from nst_keras.classifiers.output import describe_training, save_model, without_times
from nst_keras.classifiers.plan import CHECKPOINT, MODEL, SAVED_MODEL, TrainingPlan
from nst_keras.classifiers.progress import TrainingProgress
from nst_keras.classifiers.registry import RULE_CLASSIFIERS, build_classifier
from nst_keras.classifiers.report import Predictions, write_report
from nst_keras.classifiers.settings import ClassificationSettings
from nst_keras.classifiers.trainer import ClassifierTrainer
from nst_keras.data.checks import DatasetChecks, check_dataset
from nst_keras.data.datasets import load_dataset
from nst_keras.data.image_dataset import ImageDataset
from nst_keras.errors import InputError
from nst_keras.runs.state import TrainingState


@dataclass(frozen=True)
class TrainingOutcome:
    """How a training ended: with a report, or stopped with a checkpoint, whose path `report` then is."""

    finished: bool
    report: Path
    state: TrainingState
    metrics: Mapping[str, float]


class Training:
    """One training: data, model and everything that is kept of it.

    Attributes:
        settings: How to train.
        plan: Where from and where to.
        dataset: The pictures.
        checks: What was found out about them.
        trainer: The model with its step.
        folder: Where everything is written.
    """

    def __init__(
        self,
        settings: ClassificationSettings,
        plan: TrainingPlan,
        strategy: tf.distribute.Strategy | None = None,
        dataset: ImageDataset | None = None,
    ) -> None:
        """Reads and checks the pictures, and builds the model.

        Args:
            settings: How to train.
            plan: Where from and where to.
            strategy: Over several workers; made before anything else of TensorFlow is used.
            dataset: Pictures, instead of those that the plan names.

        Raises:
            InputError: If the data can't be had, the model can't take it, or the folder can't be made.
        """
        self.settings, self.plan = settings, plan
        self._strategy = strategy or tf.distribute.get_strategy()
        self._worker = _worker(self._strategy)
        self.folder = plan.make_folder(settings.model)
        size = plan.image_size
        self.dataset = dataset or load_dataset(
            plan.dataset,
            data_dir=plan.data_dir,
            manual_dir=plan.manual_dir,
            image_size=(size, size) if size else None,
            validation=plan.validation,
            strict=plan.strict,
            seed=settings.seed,
        )
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

    def run(
        self,
        *,
        observers: Sequence[Callable[[TrainingProgress], None]] = (),
        should_stop: Callable[[], bool] = lambda: False,
        say: Callable[[str], None] = lambda text: None,
    ) -> TrainingOutcome:
        """Trains to the end, or until told to stop, and writes what there is; see `TrainingLoop.run`."""
        loop = TrainingLoop(
            self.trainer,
            self._source,
            self.dataset.splits["validation"],
            num_epochs=self._num_epochs,
            plan=self.plan,
            folder=self.folder,
            record={
                "settings": self.settings.to_dict(),
                "dataset": self.dataset.fingerprint,
                "image_shape": list(self.dataset.image_shape),
                "validation": self.plan.validation,
            },
        )
        state, ended = loop.run(observers=observers, should_stop=should_stop, say=say)
        if not ended:
            return TrainingOutcome(False, self.folder / CHECKPOINT, state, {})
        return self._finish(state)

    def _finish(self, state: TrainingState) -> TrainingOutcome:
        """Evaluates the best epoch's weights on the test pictures and writes model and report."""
        self.trainer.set_weights(state.best)
        test = self.dataset.splits["test"]
        logits, labels = self.trainer.predict(in_order(test))
        metrics = {
            **measure(self.trainer, logits, labels, "test"),
            "val_accuracy": state.history[state.best_epoch - 1]["val_accuracy"],
            "best_epoch": state.best_epoch,
        }
        report = self.folder / "report.html"
        if self.is_chief:
            model = self.trainer.evaluated
            exported = self.folder / SAVED_MODEL if self.plan.saved_model else None
            save_model(model, self.folder / MODEL, exported)
            settings = self.settings
            record = describe_training(
                settings.model, settings.to_dict(), self.dataset, self.checks, model, state, metrics
            )
            predictions = Predictions(test.arrays()[0], labels, softmax(logits, axis=1))
            history: Sequence[Mapping[str, float]] = state.history
            if not self.plan.timed:
                del record["time"]
                history = without_times(history)
            report = write_report(self.folder, record, history, predictions, self.dataset.class_names)
        return TrainingOutcome(True, report, state, metrics)

    def _build(self, precision: str) -> keras.Model:
        settings, options = self.settings, {}
        if settings.model in RULE_CLASSIFIERS:
            options, precision = {"eta": settings.learning_rate}, "float32"
        elif settings.model == "advanced_cnn":
            options = {"mirror_average": settings.flip}
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(precision)
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
    """Checks a set, which reads all of it.

    Raises:
        InputError: If TensorFlow can't read or decode a picture of a set of tensorflow-datasets.
    """
    try:
        return check_dataset(dataset)
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        reason = (error.message or "").partition("\n")[0]
        raise InputError(f"{dataset.name}: holds a picture that can't be read: {reason}") from error


def _worker(strategy: tf.distribute.Strategy) -> tuple[int, int]:
    """This worker's number and the number of workers.

    Raises:
        InputError: If a worker has several devices.
    """
    resolver = getattr(strategy, "cluster_resolver", None)
    if resolver is None:
        return 0, 1
    workers = resolver.cluster_spec().num_tasks("worker")
    if strategy.num_replicas_in_sync != workers:
        raise InputError("--distribute: each worker must see one device; CUDA_VISIBLE_DEVICES chooses it")
    return resolver.task_id, workers
