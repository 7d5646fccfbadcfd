"""A training at a terminal: what is shown, and signals that end it without losing it."""

from collections.abc import Callable

import tensorflow as tf

from nst_keras.classifiers.fine_tuning.settings import FineTuningSettings
from nst_keras.classifiers.job import Training, TrainingOutcome
from nst_keras.classifiers.plan import TrainingPlan
from nst_keras.classifiers.settings import ClassificationSettings
from nst_keras.console.console import Console
from nst_keras.data.checks import DatasetChecks
from nst_keras.data.image_dataset import ImageDataset
from nst_keras.errors import InputError
from nst_keras.runs.distribution import device, make_strategy
from nst_keras.runs.loop import Watcher

_LOST_WORKER = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError)


def train_at_console(settings: ClassificationSettings, plan: TrainingPlan) -> int:
    """Trains, shows how far it is, and prints where the report is; returns the exit code."""
    training = Training(settings, plan, make_strategy(plan.distribute))
    with Console(training.is_chief) as console:
        _announce(training.dataset, training.checks, console.say)
        parameters = training.trainer.model.count_params()
        console.say(f"{settings.model}: {parameters:,} parameters on {device()}, into {training.folder}")
        if settings.flip:
            console.say("pictures are mirrored at random; --noflip if they mean something else in a mirror")
        try:
            outcome = training.run(Watcher(console.show, console.say, console.should_stop))
        except _LOST_WORKER as error:
            raise InputError(
                "a worker of --distribute=multi_worker was lost; start all of them again with the same "
                f"command, and they go on from the last checkpoint ({error.message.splitlines()[0]})"
            ) from error
        return _tell(outcome, console)


def fine_tune_at_console(settings: FineTuningSettings, plan: TrainingPlan) -> int:
    """The same for the re-training of a pretrained network."""
    from nst_keras.classifiers.fine_tuning.job import FineTuning  # with scikit-learn

    with Console() as console:
        job = FineTuning(settings, plan)
        _announce(job.dataset, job.checks, console.say)
        console.say(f"{job.base.name} up to {job.base.layer} on {device()}, into {job.folder}")
        return _tell(job.run(Watcher(console.show, console.say, console.should_stop)), console)


def _tell(outcome: TrainingOutcome, console: Console) -> int:
    """Tells how a training ended; returns the exit code."""
    if outcome.report is None:
        return console.stopped(f"the same command goes on from {outcome.kept}")
    console.say("  ".join(f"{name} {value:.4g}" for name, value in outcome.metrics.items()))
    return console.finished(outcome.report)


def _announce(dataset: ImageDataset, checks: DatasetChecks, say: Callable[[str], None]) -> None:
    """Tells what there is to learn from, and what is odd about it."""
    height, width, channels = dataset.image_shape
    sizes = ", ".join(f"{split.size} {name}" for name, split in dataset.splits.items())
    classes = f"{len(dataset.class_names)} classes"
    say(f"{dataset.name}: {sizes} pictures of {height}x{width}x{channels}, {classes}")
    for warning in checks.warnings:
        say(f"warning: {warning}")
