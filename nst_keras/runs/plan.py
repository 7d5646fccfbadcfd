"""What every training is given besides settings; importing this loads no TensorFlow."""

from dataclasses import dataclass

from nst_keras.fields import FROM_ONE, Settings, number, setting

DISTRIBUTIONS = ("none", "mirrored", "multi_worker")


@dataclass(frozen=True)
class RunPlan(Settings):
    """Where a training writes to, and what it leaves."""

    output_dir: str = setting("", "Folder for all that the training leaves.")
    restart: bool = setting(False, "Replace the training that the folder holds, instead of going on with it.")
    tensorboard: bool = setting(True, "Write TensorBoard's events, in tensorboard/.")
    checkpoint_seconds: int = number(60, "Time between checkpoints.", FROM_ONE)
