"""What nst-debug checks, and how."""

from dataclasses import dataclass

from nst_keras.classifiers.registry import GRADIENT_CLASSIFIERS
from nst_keras.data.settings import DatasetSettings
from nst_keras.diagnosis.findings import CHECKS, FAULTS
from nst_keras.errors import require_choice
from nst_keras.fields import Bounds, Settings, choice, number, setting

LEAST_PICTURES = 4
AUTO, LOGITS, PROBABILITIES = OUTPUTS = ("auto", "logits", "probabilities")


@dataclass(frozen=True)
class DiagnosisSettings(Settings):
    """How a network is tried."""

    batch_size: int = number(
        64, "Pictures that the network is tried on, chosen by chance.", Bounds(LEAST_PICTURES)
    )
    checks: tuple[str, ...] = setting(CHECKS, "Which checks to make, by commas.", CHECKS)
    seed: int = number(0, "Of weights and of the choice of pictures.")

    def __post_init__(self) -> None:
        """Checks every value."""
        super().__post_init__()
        for check in self.checks:
            require_choice("checks", check, CHECKS)


@dataclass(frozen=True)
class DebugSettings(DiagnosisSettings, DatasetSettings):
    """The same with the network and the pictures."""

    model: str = setting(
        "small_cnn", f"{', '.join(GRADIENT_CLASSIFIERS)}, or a .keras file.", GRADIENT_CLASSIFIERS
    )
    num_pictures: int = number(500, "Pictures that the data is judged by.", Bounds(LEAST_PICTURES))
    outputs: str = choice(
        AUTO, "What the loss takes the model's outputs for, by default what they look like", OUTPUTS
    )
    optimizer: str = setting("adam", "A Keras optimiser, such as adam or sgd.", ("adam", "sgd"))
    learning_rate: float = number(1e-3, "To be judged.", Bounds(1e-12))
    plant: str = setting(
        "", f"Put in a fault first. {' '.join(f'{name}: {text}.' for name, text in FAULTS.items())}", FAULTS
    )

    def __post_init__(self) -> None:
        """Checks every value."""
        super().__post_init__()
        if self.plant:
            require_choice("plant", self.plant, FAULTS)
