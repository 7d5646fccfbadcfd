"""What a training is given besides settings: data, folders, and what to keep; loads no TensorFlow."""

from dataclasses import dataclass
from pathlib import Path

from nst_keras.data.splits import DEFAULT_VALIDATION
from nst_keras.fields import FROM_ONE, Bounds, choice, number, setting
from nst_keras.runs.plan import RunPlan

MODEL = "model.keras"
SAVED_MODEL = "saved_model"
REPORT = "report.json"
REPORT_FILES = (
    "report.html",
    REPORT,
    "learning_curves.png",
    "confusion_matrix.png",
    "mistakes.png",
    "grad_cam.png",
)


@dataclass(frozen=True)
class TrainingPlan(RunPlan):
    """Where a training's pictures come from and what it leaves."""

    dataset: str = setting("digits", "digits, a tensorflow-datasets name, or a folder of class folders.")
    output_dir: str = setting("", "Folder for the model and the report; empty is runs/MODEL-DATASET.")
    data_dir: str = setting("", "Where tensorflow-datasets keeps its sets; empty is its own default.")
    manual_dir: str = setting("", "Files of a set that were downloaded by hand.")
    image_size: int = number(0, "Make pictures this high and wide, in pixels; 0: as the set has them.")
    validation: float = number(
        DEFAULT_VALIDATION, "Share of the training pictures to validate on.", Bounds(0, 1, open_low=True)
    )
    strict: bool = setting(False, "End at a picture that can't be read, instead of leaving it out.")
    saved_model: bool = setting(False, "Write a SavedModel too, in saved_model/.")
    timed: bool = setting(True, "Tell times in log and report; without them equal runs leave equal files.")
    checkpoint_seconds: int = number(60, "Time between checkpoints; each epoch's end has one too.", FROM_ONE)
    distribute: str = choice(
        "none",
        "Over the processes that TF_CONFIG names, all with the same --output_dir on a shared disk",
        ("none", "multi_worker"),
    )

    def folder(self, model: str) -> Path:
        """The folder that the training writes to."""
        name = Path(self.dataset.rstrip("/")).name.replace(":", "-")
        return Path(self.output_dir or f"runs/{model}-{name}")
