"""The picture or video that is to be made again."""

import os
from pathlib import Path
from typing import Any

from absl import flags

from nst_keras.cli import field_flags
from nst_keras.cli.stylizing.flags import FLAGS, Inputs
from nst_keras.errors import InputError
from nst_keras.pictures.images import read_settings
from nst_keras.pictures.samples import SAMPLE
from nst_keras.pictures.settings import REGION_COLORS
from nst_keras.pictures.videos.video import VIDEO_SUFFIXES, read_video_settings
from nst_keras.stylizers.architecture import FETCHED
from nst_keras.stylizers.by_name import architecture_of, stylizer_for
from nst_keras.transfer.settings import INITS


def record_to_repeat() -> dict[str, Any]:
    """How the picture of --from was made, with its files where they are; nothing if there is none."""
    source = FLAGS["from"].value
    if source:
        of_video = Path(source).suffix.lower() in VIDEO_SUFFIXES
        record = read_video_settings(source) if of_video else read_settings(source)
        missing = {"content", "styles", "style_weights", "settings"} - set(record)
        if missing:
            raise InputError(f"{source}: its settings lack {', '.join(sorted(missing))}")
        return _located(record, source)
    for name in ("content", "style"):
        if not FLAGS[name].value:
            raise flags.Error(f"--{name} is missing: a file, a folder or sample:NAME")
    return {}


def _located(record: dict[str, Any], source: str) -> dict[str, Any]:
    """A record with its files where they are: as it names them, or beside the picture that it is in.

    What flags replace is left as it is.
    """

    def locate(name: str, flag: str) -> str:
        beside = Path(source).parent / name
        if name.startswith(SAMPLE) or (name and os.path.exists(name)) or FLAGS[flag].value:
            return name
        if name and beside.exists():
            return str(beside)
        what = name or "a picture in memory"
        raise InputError(f"{source}: was made with {what}, which is neither here nor beside it; say --{flag}")

    record = {**record, "content": locate(record["content"], "content")}
    if (stylizer := record.get("stylizer")) and stylizer not in FETCHED:
        record["stylizer"] = locate(stylizer, "stylizer")
    if Path(record.get("vgg", "")).suffix:
        record["vgg"] = locate(record["vgg"], "vgg")
    if not ("stylizer" in record and architecture_of(stylizer_of(record)).named_styles):
        record["styles"] = [locate(name, "style") for name in record["styles"]]
    if mask := record.get("content_mask"):
        record["content_mask"] = locate(mask, "content_mask")
        masks = record["style_masks"]
        record["style_masks"] = [
            name if name in REGION_COLORS else locate(name, "style_mask") for name in masks
        ]
    init = record["settings"].get("init", INITS[0])
    if init not in INITS:
        record["settings"] = {**record["settings"], "init": locate(init, "init")}
    return record


def stylizer_of(record: dict[str, Any]) -> str:
    """The one that is named, or made what is repeated, or paints in the styles."""
    styles = field_flags.parsed(Inputs, FLAGS).style
    recorded = record.get("stylizer", "")
    if recorded in FETCHED and styles:
        recorded = ""
    return FLAGS.stylizer or recorded or stylizer_for(styles or record["styles"])
