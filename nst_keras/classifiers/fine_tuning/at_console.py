"""A re-training at a terminal."""

from nst_keras.classifiers.at_console import announce, tell
from nst_keras.classifiers.fine_tuning.job import FineTuning
from nst_keras.classifiers.fine_tuning.settings import FineTuningSettings
from nst_keras.classifiers.plan import TrainingPlan
from nst_keras.console.console import Console
from nst_keras.runs.distribution import device
from nst_keras.runs.loop import Watcher


def fine_tune_at_console(settings: FineTuningSettings, plan: TrainingPlan) -> int:
    """Trains, shows how far it is, and prints where the report is.

    Returns:
        Exit code: 0, or 128 + signal if stopped.

    Raises:
        InputError: If the training can't be done.
    """
    with Console() as console:
        job = FineTuning(settings, plan)
        announce(job.dataset, job.checks, console.say)
        console.say(f"{job.base.name} up to {job.base.layer} on {device()}, into {job.folder}")
        return tell(job.run(Watcher(console.show, console.say, console.should_stop)), console)
