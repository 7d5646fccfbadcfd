"""A re-training at a terminal."""

from nst_keras.classifiers.at_console import TrainingConsole, announce, device
from nst_keras.classifiers.fine_tuning.job import FineTuning
from nst_keras.classifiers.fine_tuning.settings import FineTuningSettings
from nst_keras.classifiers.plan import TrainingPlan


def fine_tune_at_console(settings: FineTuningSettings, plan: TrainingPlan) -> int:
    """Trains, shows how far it is, and prints where the report is.

    Returns:
        Exit code: 0, or 128 + signal if stopped.

    Raises:
        InputError: If the training can't be done.
    """
    console = TrainingConsole()
    job = FineTuning(settings, plan)
    announce(job.dataset, job.checks, console.say)
    console.say(f"{job.base.name} up to {job.base.layer} on {device()}, into {job.folder}")

    def show_features(split: str, done: int, count: int) -> None:
        console.show(lambda: f"features of {split} pictures: {done}/{count}")

    try:
        outcome = job.run(
            on_features=show_features,
            observers=[console.show_step],
            should_stop=console.should_stop,
            say=console.say,
        )
    finally:
        console.close()
    return console.end(outcome)
