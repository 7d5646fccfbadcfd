"""A training at a terminal: what is shown, and signals that end it without losing it."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from nst_keras.classifiers.job import Training, TrainingOutcome
from nst_keras.classifiers.plan import TrainingPlan
from nst_keras.classifiers.progress import TrainingProgress, describe_step
from nst_keras.classifiers.settings import ClassificationSettings
from nst_keras.console.status_line import StatusLine
from nst_keras.console.stop_signals import StopSignals
from nst_keras.data.checks import DatasetChecks
from nst_keras.data.image_dataset import ImageDataset
from nst_keras.errors import InputError

_LOST_WORKER = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError)


class TrainingConsole:
    """A status line with other text above it, and the wish to stop.

    Args:
        shows: Whether this process writes; of several workers one does.
    """

    def __init__(self, shows: bool = True) -> None:
        """Takes over SIGINT and SIGTERM."""
        self._shows, self._line, self._stop = shows, StatusLine(), StopSignals()

    def say(self, text: str) -> None:
        """Writes a line to stderr."""
        self._line.close()
        if self._shows:
            print(text, file=sys.stderr, flush=True)

    def show_step(self, progress: TrainingProgress) -> None:
        """Shows how far a training is."""
        self.show(lambda: describe_step(progress))

    def show(self, text: Callable[[], str]) -> None:
        """Shows a text in the status line, if the last one is old enough."""
        if self._shows:
            self._line.show(text)

    def should_stop(self) -> bool:
        """Whether the user wants to stop."""
        return bool(self._stop.received)

    def close(self) -> None:
        """Ends the status line."""
        self._line.close()

    def end(self, outcome: TrainingOutcome) -> int:
        """Tells how it ended; returns the exit code: 0, or 128 + signal if stopped."""
        if outcome.finished:
            self.say("  ".join(f"{name} {value:.4g}" for name, value in outcome.metrics.items()))
        return self.end_with(outcome.report if outcome.finished else None, outcome.report)

    def end_with(self, result: Path | None, rest: Path) -> int:
        """Tells what was made, or if nothing was, from where to go on; returns the exit code."""
        if result is None:
            self.say(f"stopped; the same command goes on from {rest}")
            return 128 + self._stop.received
        if self._shows:
            print(result, flush=True)
        return 0


def train_at_console(settings: ClassificationSettings, plan: TrainingPlan) -> int:
    """Trains, shows how far it is, and prints where the report is.

    Returns:
        Exit code: 0, or 128 + signal if stopped.

    Raises:
        InputError: If the training can't be done.
    """
    training = Training(settings, plan, make_strategy(plan.distribute))
    console = TrainingConsole(training.is_chief)
    announce(training.dataset, training.checks, console.say)
    parameters = training.trainer.model.count_params()
    console.say(f"{settings.model}: {parameters:,} parameters on {device()}, into {training.folder}")
    if settings.flip:
        console.say("pictures are mirrored at random; --noflip if they mean something else in a mirror")
    try:
        outcome = training.run(
            observers=[console.show_step], should_stop=console.should_stop, say=console.say
        )
    except _LOST_WORKER as error:
        raise InputError(
            "a worker of --distribute=multi_worker was lost; start all of them again with the same "
            f"command, and they go on from the last checkpoint ({error.message.splitlines()[0]})"
        ) from error
    finally:
        console.close()
    return console.end(outcome)


def announce(dataset: ImageDataset, checks: DatasetChecks, say: Callable[[str], None]) -> None:
    """Tells what there is to learn from, and what is odd about it."""
    height, width, channels = dataset.image_shape
    sizes = ", ".join(f"{split.size} {name}" for name, split in dataset.splits.items())
    classes = f"{len(dataset.class_names)} classes"
    say(f"{dataset.name}: {sizes} pictures of {height}x{width}x{channels}, {classes}")
    for warning in checks.warnings:
        say(f"warning: {warning}")


def device() -> str:
    """What computes, in words."""
    gpus = len(tf.config.list_physical_devices("GPU"))
    return f"{gpus} GPUs" if gpus else f"CPU ({os.cpu_count()} cores)"


def make_strategy(name: str) -> tf.distribute.Strategy | None:
    """Makes the strategy of `--distribute`; None for "none".

    Raises:
        InputError: If TF_CONFIG doesn't name the workers of "multi_worker".
    """
    if name == "none":
        return None
    if name == "mirrored":
        return tf.distribute.MirroredStrategy()
    try:
        jobs = list(tf.distribute.cluster_resolver.TFConfigClusterResolver().cluster_spec().jobs)
        if jobs != ["worker"]:  # asked before the strategy is made, which waits for the others
            raise InputError(
                "--distribute: TF_CONFIG must name processes of the job 'worker' and no others. "
                f"Received: {', '.join(jobs) or 'no TF_CONFIG'}"
            )
        return tf.distribute.MultiWorkerMirroredStrategy()
    except InputError:
        raise
    except (ValueError, KeyError, RuntimeError) as error:
        raise InputError(f"--distribute={name}: TF_CONFIG can't be used: {error}") from error
