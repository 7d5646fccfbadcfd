"""Labelled pictures for classification: the digits that come along, sets by name, folders of classes."""

from collections.abc import Callable, Mapping

from nst_keras.console.console import say
from nst_keras.data.file_sets import find_source
from nst_keras.data.folders import load_folder
from nst_keras.data.image_dataset import ImageDataset, Split
from nst_keras.data.load_options import LoadOptions, SkippedFile
from nst_keras.data.settings import SplitDatasetSettings
from nst_keras.data.tfds import load_tfds
from nst_keras.storage.remote import as_local

__all__ = ["ImageDataset", "SkippedFile", "Split", "load_dataset"]


def load_dataset(
    spec: str,
    *,
    data_dir: str = "",
    manual_dir: str = "",
    spans: int = SplitDatasetSettings.spans,
    image_size: tuple[int, int] | None = None,
    validation: float = SplitDatasetSettings.validation,
    seed: int = 0,
    split_by: str = SplitDatasetSettings.split_by,
    hash_buckets: Mapping[str, float] | None = None,
    strict: bool = False,
    note: Callable[[str], None] = say,
) -> ImageDataset:
    """Opens a set of labelled pictures as "train", "validation" and "test".

    A set without test part has its validation part as test, or else a fifth of each class. A set without
    (another) validation part gives the fraction `validation` of each training class. Folders, which grow, are
    cut by content and the seed: no picture changes sides when others come or go, and doubles lie on one side.
    Named sets never grow and are cut by position, as in former versions; see `nst_keras.data.splits`.

    Pictures of unequal sizes are cut to the wanted aspect around their centre and resized (bilinear,
    anti-aliased). Without `image_size` they get the median height and width, no side above 128 px.

    Args:
        spec: `digits` (scikit-learn's; comes along), the name of a set of tensorflow-datasets as it writes
            them (`fashion_mnist`, `name:version`, `name/config`), or the path of a folder: `class/picture`,
            or `train/class/picture` beside `test/class/picture` and perhaps `validation/class/picture`. A
            name goes before a folder; `./name` is always the folder. Instead of a folder: a .tar or .zip
            file with such folders, or webdataset's pairs, inside, or a folder of them; a .csv or .parquet
            file with the columns path, label and perhaps split; or one of these at an address such as
            `s3://bucket/set`. `nst_keras.data.sources.listing` says more. With `{SPAN}` in its path, such as
            `data/{SPAN}`, the newest of numbered or dated ones.
        data_dir: Where tensorflow-datasets keeps prepared sets; "" for its own default.
        spans: How many of the newest folders `{SPAN}` stands for, as one set; 0 for all.
        manual_dir: Folder with files that the user has downloaded, for sets of tensorflow-datasets.
        image_size: Height and width that all pictures get; None for the set's own.
        validation: Above 0 and below 1.
        seed: Of the cuts; at least 0.
        split_by: "content", "appearance" or "position"; "auto" is what is said above. By appearance, near
            duplicates lie on one side, too, nearly always.
        hash_buckets: Shares of the splits to cut by content, as {"train": 7, "validation": 1, "test": 2},
            instead of a fifth and `validation`; without those that the set has itself.
        strict: Whether a picture that cannot be read is an error; otherwise it is skipped and listed.
        note: Called with a line of text when something takes long or is worth knowing.

    Raises:
        InputError: If there is no such set, it can't be had or read, or an argument is out of range.
    """
    options = LoadOptions(image_size, validation, seed, note, split_by, hash_buckets or {})
    if source := find_source(spec, spans, note):
        return load_folder(source, options, strict=strict)
    # An unknown name can be a set that was prepared elsewhere and copied to data_dir.
    return load_tfds(as_local(spec), options, data_dir=data_dir, manual_dir=manual_dir)
