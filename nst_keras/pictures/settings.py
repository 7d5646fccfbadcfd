"""How pictures are finished, written and kept on the way; importing this loads no NumPy."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nst_keras.errors import InputError
from nst_keras.fields import FROM_ONE, SHARE, Settings, choice, number, setting

if TYPE_CHECKING:
    from nst_keras.pictures.metadata import Carried

COLORS = PAINTED, LUMA, MATCH, TRANSPORT = ("none", "luma", "match", "transport")
METADATA = FULL, NAMES, NONE = ("full", "names", "none")
SRGB, CONTENT = "srgb", "content"
NOTHING, CAMERA, PLACE = EXIF = ("none", "camera", "place")

# Of masks: by their names one says which region is meant.
REGION_COLORS = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "cyan": (0, 255, 255),
    "magenta": (255, 0, 255),
}


@dataclass(frozen=True)
class FinishSettings(Settings):
    """What of the content stays in the picture."""

    strength: float = number(1.0, "From 0, the content itself, to 1, the painted picture.", SHARE)
    preserve_color: str = choice(
        PAINTED,
        "The content's colours: luma keeps them and paints brightness alone; match gives the paintings the "
        "content's colours before they are painted after; transport moves the picture's colours to the "
        "content's, as little as can be; without a value, luma",
        COLORS,
        switch=(PAINTED, LUMA),
    )
    color_strength: float = number(1.0, "How much --preserve_color does, from 0 to 1.", SHARE)


@dataclass(frozen=True)
class FileSettings(Settings):
    """How a picture is written, and what it carries besides its pixels."""

    metadata: str = choice(
        NAMES,
        "Stored of how a picture was made: all with full paths, all with file names alone, or nothing",
        METADATA,
    )
    bit_depth: str = choice("8", "Bits a channel; 16 in PNG and TIFF only, in sRGB", ("8", "16"))
    color_profile: str = choice(
        SRGB, "Colours as sRGB, or in the content's own ICC profile, if it has one of RGB", (SRGB, CONTENT)
    )
    exif: str = choice(
        CAMERA, "Kept of the content's EXIF data: nothing, camera and date, or the place (GPS), too", EXIF
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bit_depth != "8" and self.color_profile != SRGB:
            raise InputError(f"bit_depth {self.bit_depth} is written with color_profile {SRGB} only")

    def carried(self, photo: "Carried") -> "Carried":
        """What a picture has of its photo's file."""
        profile = photo.profile if self.color_profile == CONTENT else None
        if NONE in (self.metadata, self.exif):
            return photo._replace(profile=profile, tags={})
        return (photo if self.exif == PLACE else photo.without_place())._replace(profile=profile)


@dataclass(frozen=True)
class JobOptions(Settings):
    """What is kept on the way."""

    resume: bool = setting(False, "Go on from the checkpoint beside the output.")
    checkpoint_every: int = number(25, "Steps between checkpoints.", FROM_ONE)
    trace: str = setting("", "File for a JSON line a step, such as trace.jsonl.")
    tensorboard_dir: str = setting("", "Folder for TensorBoard's events.")

    def apart(self, output: Path) -> "JobOptions":
        """Those of one picture of several, with a trace and a TensorBoard run of its own."""
        trace, board = Path(self.trace), Path(self.tensorboard_dir, output.stem)
        return replace(
            self,
            trace=str(trace.with_name(f"{output.stem}.{trace.name}")) if self.trace else "",
            tensorboard_dir=str(board) if self.tensorboard_dir else "",
        )
