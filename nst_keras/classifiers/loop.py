"""The epochs of a classifier's training: their measures, and the weights of the best one."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nst_keras.classifiers.batches import BatchSource, in_order
from nst_keras.classifiers.plan import MODEL, REPORT_FILES, SAVED_MODEL, TrainingPlan
from nst_keras.classifiers.trainer import ClassifierTrainer, StepResult, measure
from nst_keras.data.image_dataset import ImageDataset
from nst_keras.data.settings import LASTING
from nst_keras.runs.log import without_times
from nst_keras.runs.loop import Run, Watcher
from nst_keras.storage.checkpoint import Arrays, Values


@dataclass(frozen=True)
class Learned:
    """What a training came to.

    Attributes:
        seconds: How long it took, over all runs of the command; 0 where times aren't told.
        history: What each epoch gave.
        best_epoch: The one with the best validation accuracy, from 1.
        best: Its weights.
        finished: Whether it came to its end.
    """

    seconds: float = 0.0
    history: tuple[Mapping[str, float], ...] = ()
    best_epoch: int = 0
    best: list[np.ndarray] = field(default_factory=list)
    finished: bool = False


@dataclass
class _Epoch:
    """Time and sums over the pictures of an epoch so far."""

    epoch_seconds: float = 0.0
    loss_sum: float = 0.0
    correct: float = 0.0
    seen: int = 0

    def add(self, result: StepResult) -> None:
        self.loss_sum += result.loss
        self.correct += result.correct
        self.seen += result.count

    def means(self) -> dict[str, float]:
        return {"loss": self.loss_sum / self.seen, "accuracy": self.correct / self.seen}


class TrainingLoop:
    """A trainer, its batches, and a folder from which a killed run goes on.

    The validation pictures choose the epoch; `record` must be the same for a checkpoint to be gone on from.
    """

    def __init__(
        self,
        trainer: ClassifierTrainer,
        source: BatchSource,
        dataset: ImageDataset,
        *,
        num_epochs: int,
        plan: TrainingPlan,
        folder: Path,
        record: Mapping[str, Any],
    ) -> None:
        self._trainer, self._source = trainer, source
        self._validation = in_order(dataset.splits["validation"])
        self._num_epochs, self._plan, self._folder = num_epochs, plan, folder
        pictures = {"dataset": dataset.fingerprint, "image_shape": list(dataset.image_shape)}
        # Cuts by position have no entry, as before there were others.
        cut = {"split_by": dataset.split_by} if dataset.split_by in LASTING else {}
        self._record = {**pictures, **cut, **record}
        self._epoch, self._best_epoch, self._best = _Epoch(), 0, list[np.ndarray]()

    def run(self, watcher: Watcher) -> Learned:
        """Trains to the end or until told to stop, and leaves a checkpoint either way."""
        source = self._source
        with Run(
            self,
            self._folder,
            self._plan,
            self._record,
            self._num_epochs * source.steps_per_epoch,
            watcher,
            leaves=(MODEL, SAVED_MODEL, *REPORT_FILES),
            writes=source.worker[0] == 0,
            images_per_step=source.batch_size,
            timed=self._plan.timed,
        ) as run:
            run.finished = not self._epoch.seen and self._has_learned(run.history)
            epoch_began = time.monotonic() - self._epoch.epoch_seconds
            for step, (images, labels) in zip(run.steps(), source.batches(run.step), strict=False):
                self._epoch.add(self._trainer.step(images, labels, self._size_of(step)))
                self._epoch.epoch_seconds = time.monotonic() - epoch_began
                run.show(self._epoch.means(), f"epoch {len(run.history) + 1}")
                if run.step % source.steps_per_epoch == 0:
                    self._end_epoch(run)
                    watcher.say(_describe(run.history[-1], self._num_epochs, self._best_epoch))
                    epoch_began = time.monotonic()
        timed = self._plan.timed
        history = tuple(run.history if timed else without_times(run.history))
        return Learned(run.seconds if timed else 0.0, history, self._best_epoch, self._best, run.finished)

    def state(self) -> tuple[Values, Arrays]:
        """The trainer's state, the sums of the present epoch, and the best epoch with its weights."""
        values = {**asdict(self._epoch), "best_epoch": self._best_epoch}
        return values, {"state": self._trainer.state(), "best": self._best}

    def set_state(self, values: Values, arrays: Arrays) -> None:
        """Goes back to a state."""
        self._epoch = _Epoch(**{name: values[name] for name in asdict(self._epoch)})
        self._best_epoch, self._best = values["best_epoch"], list(arrays.get("best", ()))
        self._trainer.set_state(arrays["state"])

    def _end_epoch(self, run: Run) -> None:
        logits, labels = self._trainer.predict(self._validation)
        epoch = {
            "epoch": len(run.history) + 1,
            **self._epoch.means(),
            **measure(logits, labels, "val_", with_loss=not self._trainer.has_rule),
            "learning_rate": self._trainer.learning_rate,
            "seconds": self._epoch.epoch_seconds,
        }
        if not self._best_epoch or _rank(epoch) > _rank(run.history[self._best_epoch - 1]):
            self._best_epoch, self._best = len(run.history) + 1, self._trainer.weights()
        self._epoch = _Epoch()
        run.log(epoch)
        run.save_soon()
        run.finished = self._has_learned(run.history)

    def _has_learned(self, history: list[Mapping[str, float]]) -> bool:
        # A perceptron without an error has nothing more to learn.
        perfect = self._trainer.has_rule and bool(history) and history[-1]["loss"] == 0
        return perfect or 0 < self._trainer.settings.patience <= len(history) - self._best_epoch

    def _size_of(self, step: int) -> int:
        """Pictures in a step over all workers; an epoch's last one may have fewer."""
        start = step % self._source.steps_per_epoch * self._source.batch_size
        return min(self._source.batch_size, self._source.split.size - start)


def _describe(epoch: Mapping[str, float], epochs: int, best_epoch: int) -> str:
    best = " (best)" if best_epoch == epoch["epoch"] else ""
    return (
        f"epoch {epoch['epoch']}/{epochs}  loss {epoch['loss']:.4g}  accuracy {epoch['accuracy']:.4f}  "
        f"validation accuracy {epoch['val_accuracy']:.4f}{best}  "
        f"{epoch['seconds']:.1f} s"
    )


def _rank(epoch: Mapping[str, float]) -> tuple[float, float]:
    """What epochs are compared by: accuracy, and the loss among equals, which small sets have many of."""
    return epoch["val_accuracy"], -epoch.get("val_loss", 0.0)
