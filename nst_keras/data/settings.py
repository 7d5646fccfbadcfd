"""Which labelled pictures, as flags and configs of stages name them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nst_keras.fields import Bounds, Settings, choice, number, setting, weights_by_name

PARTS = TRAIN, VALIDATION, TEST = ("train", "validation", "test")
AUTO, CONTENT, APPEARANCE, POSITION = SPLIT_BY = ("auto", "content", "appearance", "position")
LASTING = (CONTENT, APPEARANCE)  # a picture stays on its side whatever comes and goes

SOME_SETS = ("digits", "fashion_mnist", "mnist", "cifar10", "cifar100", "kmnist", "stl10", "tf_flowers")


@dataclass(frozen=True)
class DatasetSettings(Settings):
    """A data set, and the size of its pictures."""

    dataset: str = setting(
        "digits",
        "digits, a tensorflow-datasets name, or a folder of class folders; or a .tar or .zip with those or "
        "webdataset's pairs in it, a folder of archives, a .csv or .parquet with the columns path and label, "
        "or one of these at an address such as s3://bucket/set; with {SPAN} in its path the newest of "
        "numbered or dated ones.",
        SOME_SETS,
    )
    spans: int = number(1, "How many of the newest folders {SPAN} stands for; 0: all.")
    data_dir: str = setting("", "Where tensorflow-datasets keeps its sets; empty is its own default.")
    manual_dir: str = setting("", "Files of a set that were downloaded by hand.")
    image_size: int = number(0, "Make pictures this high and wide, in pixels; 0: as they are.")

    def options(self) -> dict[str, Any]:
        """What `load_dataset` takes besides the name and a seed."""
        size = (self.image_size, self.image_size) if self.image_size else None
        own = {"data_dir": self.data_dir, "manual_dir": self.manual_dir, "spans": self.spans}
        return {**own, "image_size": size}


@dataclass(frozen=True)
class SplitDatasetSettings(DatasetSettings):
    """The same with what is put aside, and what is left out."""

    validation: float = number(
        0.1, "Share of the training pictures to validate on.", Bounds(0, 1, open_low=True)
    )
    split_by: str = choice(
        AUTO,
        "What decides on which side of a cut a picture lies: its file's content, so that it stays there "
        "whatever comes and goes; its appearance, so that near duplicates, such as copies that were resized, "
        "recompressed or brightened, nearly always lie there, too; or its position, as before. auto is "
        "content for folders and position for named sets, which never grow",
        SPLIT_BY,
    )
    hash_buckets: Mapping[str, float] = weights_by_name(
        {},
        "Shares of the splits to cut by content, such as train:7,validation:1,test:2 (TFX's split_config), "
        "instead of a fifth for the test and validation",
        PARTS,
    )
    strict: bool = setting(False, "End at a picture that can't be read, instead of leaving it out.")

    def options(self) -> dict[str, Any]:
        """What `load_dataset` takes besides the name and a seed."""
        own = ("validation", "split_by", "hash_buckets", "strict")
        return super().options() | {name: getattr(self, name) for name in own}
