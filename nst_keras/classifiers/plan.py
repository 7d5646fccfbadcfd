"""What a training is given besides settings: data, folders, and what to keep; loads no TensorFlow."""

from dataclasses import dataclass
from pathlib import Path

from nst_keras.data.settings import SplitDatasetSettings
from nst_keras.fields import FROM_ONE, choice, number, setting
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
class TrainingPlan(RunPlan, SplitDatasetSettings):
    """Where a training's pictures come from and what it leaves."""

    output_dir: str = setting("", "Folder for the model and the report; empty is runs/MODEL-DATASET.")
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
