"""Which labelled pictures, as flags and configs of stages name them."""

from dataclasses import dataclass
from typing import Any

from nst_keras.fields import Bounds, Settings, number, setting

SOME_SETS = ("digits", "fashion_mnist", "mnist", "cifar10", "cifar100", "kmnist", "stl10", "tf_flowers")


@dataclass(frozen=True)
class DatasetSettings(Settings):
    """A data set, and the size of its pictures."""

    dataset: str = setting(
        "digits", "digits, a tensorflow-datasets name, or a folder of class folders.", SOME_SETS
    )
    data_dir: str = setting("", "Where tensorflow-datasets keeps its sets; empty is its own default.")
    manual_dir: str = setting("", "Files of a set that were downloaded by hand.")
    image_size: int = number(0, "Make pictures this high and wide, in pixels; 0: as they are.")

    def options(self) -> dict[str, Any]:
        """What `load_dataset` takes besides the name and a seed."""
        size = (self.image_size, self.image_size) if self.image_size else None
        return {"data_dir": self.data_dir, "manual_dir": self.manual_dir, "image_size": size}


@dataclass(frozen=True)
class SplitDatasetSettings(DatasetSettings):
    """The same with what is put aside, and what is left out."""

    validation: float = number(
        0.1, "Share of the training pictures to validate on.", Bounds(0, 1, open_low=True)
    )
    strict: bool = setting(False, "End at a picture that can't be read, instead of leaving it out.")

    def options(self) -> dict[str, Any]:
        """What `load_dataset` takes besides the name and a seed."""
        return super().options() | {"validation": self.validation, "strict": self.strict}
