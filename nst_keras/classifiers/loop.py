"""The steps of a training, with all that is kept on the way: log, checkpoints, the best epoch's weights."""

import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nst_keras.classifiers.batches import BatchSource, in_order
from nst_keras.classifiers.output import without_times
from nst_keras.classifiers.plan import (
    CHECKPOINT,
    LOG,
    MODEL,
    REPORT_FILES,
    SAVED_MODEL,
    TENSORBOARD,
    TrainingPlan,
)
from nst_keras.classifiers.progress import TrainingProgress, TrainingStopwatch, describe_epoch
from nst_keras.classifiers.trainer import ClassifierTrainer, StepResult, cross_entropy
from nst_keras.data.image_dataset import Split
from nst_keras.runs.log import TrainingLog
from nst_keras.runs.state import TrainingState, read_state, write_state


class TrainingLoop:
    """A trainer, its batches, and a folder from which a killed run goes on.

    Args:
        trainer: The model with its step.
        source: Training pictures.
        validation: Pictures that choose the epoch.
        num_epochs: Passes over the training pictures.
        plan: What to keep, and whether to begin anew.
        folder: Where to.
        record: What must be the same for a checkpoint to be gone on from.
    """

    def __init__(
        self,
        trainer: ClassifierTrainer,
        source: BatchSource,
        validation: Split,
        *,
        num_epochs: int,
        plan: TrainingPlan,
        folder: Path,
        record: Mapping[str, Any],
    ) -> None:
        """Stores all of it."""
        self._trainer, self._source, self._validation = trainer, source, validation
        self._num_epochs, self._plan, self._folder, self._record = num_epochs, plan, folder, record
        self._num_steps = num_epochs * source.steps_per_epoch
        self._writes = source.worker[0] == 0  # one of several workers does

    def run(
        self,
        *,
        observers: Sequence[Callable[[TrainingProgress], None]] = (),
        should_stop: Callable[[], bool] = lambda: False,
        say: Callable[[str], None] = lambda text: None,
    ) -> tuple[TrainingState, bool]:
        """Trains to the end or until told to stop, and leaves a checkpoint either way.

        Args:
            observers: Called after each step.
            should_stop: Asked after each step.
            say: Called with a line of text at each epoch's end.

        Returns:
            The last state, and whether it is the end.

        Raises:
            InputError: If the folder holds another training, or the loss leaves the finite numbers.
        """
        if self._plan.restart and self._writes:
            _clear(self._folder)
        state = None if self._plan.restart else read_state(self._folder / CHECKPOINT, self._record)
        if state:
            self._trainer.set_state(state.arrays)
            say(f"going on at step {state.step} of {self._num_steps}")
        state = self._train(state or TrainingState(), observers, should_stop, say)
        self._save(state)
        return state, self._is_end(state)

    def _train(
        self,
        state: TrainingState,
        observers: Sequence[Callable[[TrainingProgress], None]],
        should_stop: Callable[[], bool],
        say: Callable[[str], None],
    ) -> TrainingState:
        if self._is_end(state):
            return state
        log = TrainingLog(self._folder, self._plan.tensorboard) if self._writes else None
        watch = TrainingStopwatch(self._num_steps, self._source.batch_size)
        first, began = state.seconds, time.monotonic()
        last_saved, epoch_began = began, began - state.epoch_seconds
        for images, labels in self._source.batches(state.step):
            result = self._trainer.step(images, labels, self._size_of(state.step))
            now = time.monotonic()
            state = _add(state, result, first + now - began, now - epoch_began)
            for observe in observers:
                observe(watch.see(state))
            if state.step % self._source.steps_per_epoch == 0:
                state = self._end_epoch(state, time.monotonic() - epoch_began)
                say(describe_epoch(state.history[-1], self._num_epochs, state.best_epoch))
                if log:
                    log.write(state.history if self._plan.timed else without_times(state.history))
                last_saved, epoch_began = -math.inf, time.monotonic()
            if should_stop() or self._is_end(state):
                break
            if time.monotonic() - last_saved > self._plan.checkpoint_seconds:
                self._save(self._with_arrays(state))
                last_saved = time.monotonic()
        if log:
            log.close()
        return self._with_arrays(state)

    def _end_epoch(self, state: TrainingState, seconds: float) -> TrainingState:
        logits, labels = self._trainer.predict(in_order(self._validation))
        epoch = {
            "epoch": len(state.history) + 1,
            "loss": state.loss_sum / state.seen,
            "accuracy": state.correct / state.seen,
            **measure(self._trainer, logits, labels, "val"),
            "learning_rate": self._trainer.learning_rate,
            "seconds": seconds,
        }
        better = not state.best_epoch or _rank(epoch) > _rank(state.history[state.best_epoch - 1])
        return replace(
            state,
            history=(*state.history, epoch),
            best_epoch=len(state.history) + 1 if better else state.best_epoch,
            best=self._trainer.weights() if better else state.best,
            epoch_seconds=0.0,
            loss_sum=0.0,
            correct=0.0,
            seen=0,
        )

    def _is_end(self, state: TrainingState) -> bool:
        patience = self._trainer.settings.patience
        if state.step == self._num_steps:
            return True
        if state.seen or not state.history:
            return False
        # A perceptron without an error has nothing more to learn.
        perfect = self._trainer.has_rule and state.history[-1]["loss"] == 0
        return perfect or 0 < patience <= len(state.history) - state.best_epoch

    def _size_of(self, step: int) -> int:
        """Pictures in a step over all workers; an epoch's last one may have fewer."""
        start = step % self._source.steps_per_epoch * self._source.batch_size
        return min(self._source.batch_size, self._source.split.size - start)

    def _save(self, state: TrainingState) -> None:
        if self._writes:
            write_state(self._folder / CHECKPOINT, state, self._record)

    def _with_arrays(self, state: TrainingState) -> TrainingState:
        return replace(state, arrays=self._trainer.state())


def _clear(folder: Path) -> None:
    """Removes what an earlier training left, so that nothing of it is taken for the new one's."""
    for name in (CHECKPOINT, MODEL, LOG, *REPORT_FILES):
        (folder / name).unlink(missing_ok=True)
    for name in (SAVED_MODEL, TENSORBOARD):
        shutil.rmtree(folder / name, ignore_errors=True)


def _add(state: TrainingState, result: StepResult, seconds: float, epoch_seconds: float) -> TrainingState:
    return replace(
        state,
        step=state.step + 1,
        seconds=seconds,
        epoch_seconds=epoch_seconds,
        loss_sum=state.loss_sum + result.loss,
        correct=state.correct + result.correct,
        seen=state.seen + result.count,
    )


def _rank(epoch: Mapping[str, float]) -> tuple[float, float]:
    """What epochs are compared by: accuracy, and the loss among equals, which small sets have many of."""
    return epoch["val_accuracy"], -epoch.get("val_loss", 0.0)


def measure(
    trainer: ClassifierTrainer, logits: np.ndarray, labels: np.ndarray, split: str
) -> dict[str, float]:
    """Accuracy, and the cross-entropy where the outputs are meant as logits, named after a split."""
    accuracy = {f"{split}_accuracy": float(np.mean(logits.argmax(axis=1) == labels))}
    if trainer.has_rule:
        return accuracy
    return {f"{split}_loss": cross_entropy(logits, labels), **accuracy}
