"""The training of a stylizer at a terminal."""

from nst_keras.console.console import Console
from nst_keras.runs.distribution import device, make_strategy, worker
from nst_keras.runs.loop import Watcher
from nst_keras.stylizers.training.job import StylizerTraining
from nst_keras.stylizers.training.pictures import load_training_pictures
from nst_keras.stylizers.training.plan import StylizerPlan
from nst_keras.stylizers.training.settings import AveragedSettings


def train_stylizer_at_console(settings: AveragedSettings, plan: StylizerPlan) -> int:
    """Trains, shows how far it is, and prints where the stylizer is; returns the exit code."""
    strategy = make_strategy(plan.distribute)
    with Console(worker(strategy)[0] == 0) as console:
        pictures = load_training_pictures(plan, settings.style_size, console.say)
        training = StylizerTraining(settings, plan, pictures, strategy)
        parameters = training.trainer.model.count_params()
        console.say(
            f"{training.title}: {parameters:,} parameters, {training.num_photos} photos, "
            f"on {device()}, into {training.folder}"
        )
        path = training.run(Watcher(console.show, console.say, console.should_stop))
        if path is None:
            return console.stopped(f"the same command goes on from {training.folder}")
        return console.finished(path)
