"""The training of a stylizer at a terminal."""

import tensorflow as tf

from nst_keras.classifiers.at_console import TrainingConsole, device, make_strategy
from nst_keras.stylizers.training.job import StylizerTraining
from nst_keras.stylizers.training.pictures import load_training_pictures
from nst_keras.stylizers.training.plan import StylizerPlan
from nst_keras.stylizers.training.settings import AveragedSettings


def train_stylizer_at_console(settings: AveragedSettings, plan: StylizerPlan) -> int:
    """Trains, shows how far it is, and prints where the stylizer is.

    Returns:
        Exit code: 0, or 128 + signal if stopped.

    Raises:
        InputError: If the training can't be done.
    """
    strategy = make_strategy(plan.distribute)
    console = TrainingConsole(strategy is None or _is_chief(strategy))
    pictures = load_training_pictures(plan, settings.style_size, console.say)
    training = StylizerTraining(settings, plan, pictures, strategy)
    parameters = training.trainer.model.count_params()
    console.say(
        f"{training.title}: {parameters:,} parameters, {training.num_photos} photos, "
        f"on {device()}, into {training.folder}"
    )
    try:
        path = training.run(
            observer=lambda progress: console.show(lambda: str(progress)),
            should_stop=console.should_stop,
            say=console.say,
        )
    finally:
        console.close()
    return console.end_with(path, training.folder)


def _is_chief(strategy: tf.distribute.Strategy) -> bool:
    resolver = strategy.cluster_resolver
    return resolver is None or resolver.task_id in (0, None)
