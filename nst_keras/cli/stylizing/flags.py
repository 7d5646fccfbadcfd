"""The flags of nst-stylize, and which go together; importing this loads no NumPy."""

from dataclasses import dataclass
from typing import Any

from absl import flags

from nst_keras.cli import common, field_flags
from nst_keras.fields import Settings, choice, field_types, setting
from nst_keras.pictures.samples import SAMPLE_CONTENTS, SAMPLE_STYLES
from nst_keras.pictures.settings import REGION_COLORS, FileSettings, JobOptions
from nst_keras.stylizers.architecture import FETCHED
from nst_keras.stylizers.engines.settings import EngineSettings
from nst_keras.stylizers.settings import LARGEST, FastSettings, VideoSettings
from nst_keras.transfer.presets import PRESETS
from nst_keras.transfer.settings import StyleTransferSettings
from nst_keras.transfer.videos.settings import FilmSettings

# Fields of a stylizer's settings that the optimiser's have, too, and those that are its own.
_BOTH = field_types(VideoSettings).keys() & field_types(StyleTransferSettings).keys()
_FAST_ONLY = (field_types(VideoSettings).keys() - _BOTH) | field_types(EngineSettings).keys()
VIDEOS_ONLY = field_types(VideoSettings).keys() - field_types(FastSettings).keys()
FILMS_ONLY = field_types(FilmSettings).keys() - field_types(StyleTransferSettings).keys()
# Flags of the optimiser that a video has no use for.
NO_VIDEOS = ("content_mask", "style_mask", "trace", "tensorboard_dir", "save_every", "init")
# Flags that mean the same for a stylizer; all others are the optimiser's.
_SHARED = (
    {"content", "style", "style_weights", "each_style", "content_mask", "style_mask", "output", "from"}
    | field_types(FileSettings).keys()
    | _BOTH
)


def _styles() -> list[str]:
    """Names that --style knows."""
    from nst_keras.stylizers.by_name import known_styles

    return [*known_styles(), *SAMPLE_STYLES]


@dataclass(frozen=True)
class Inputs(Settings):
    """What is painted, after what, and where to."""

    content: tuple[str, ...] = setting(
        (), "Photo, folder of photos, or sample:NAME; several by commas.", SAMPLE_CONTENTS
    )
    style: tuple[str, ...] = setting(
        (), "Painting, folder of paintings, or sample:NAME; several by commas are blended.", _styles
    )
    style_weights: tuple[float, ...] = setting((), "A weight for each blended style.")
    each_style: bool = setting(False, "A picture for each style, not a blend.")
    content_mask: str = setting(
        "",
        "Picture of the photo's regions: what is white is painted, what is black stays the photo, gray is "
        f"between. For more regions: {', '.join([*REGION_COLORS][2:])}, and --style_mask.",
    )
    style_mask: tuple[str, ...] = setting(
        (),
        "For each style the colour of the region that it is for, or a picture of the painting's own regions, "
        "in the colours of --content_mask.",
        REGION_COLORS,
    )
    output: str = setting("", "Picture to write (.png .jpg .webp .tif), or a folder/; a new one is made.")


@dataclass(frozen=True)
class Way(Settings):
    """Whether a stylizer paints or the optimiser, and what that begins with."""

    fast: bool = setting(
        False,
        "Paint by a trained stylizer, in one pass: --style is then a painting, or the name of a style that a "
        f"stylizer knows, and the picture is as large as the content, but at most {LARGEST} pixels, unless "
        "--size is given; 0 keeps the content's size.",
    )
    stylizer: str = setting(
        "",
        "File of nst-train-stylizer; implies --fast. Empty is the one that knows the style: the package's "
        f"own, or one that is fetched at first use: {' or '.join(FETCHED)}.",
        FETCHED,
    )
    preset: str = choice("default", "Settings to start from", tuple(PRESETS))


FLAGS = field_flags.flags_of(Inputs)
flags.DEFINE_string(
    "from", "", "Picture or video of ours whose settings and inputs to repeat.", flag_values=FLAGS
)
field_flags.define(FileSettings, FLAGS)
field_flags.define(JobOptions, FLAGS)
field_flags.define(Way, FLAGS)
field_flags.define(VideoSettings, FLAGS, without=_BOTH, note="With --fast: ")
field_flags.define(EngineSettings, FLAGS, note="With --fast: ")
field_flags.define(common.NetworkSettings, FLAGS)
field_flags.define(StyleTransferSettings, FLAGS)
field_flags.define(
    FilmSettings, FLAGS, without=field_types(StyleTransferSettings), note="Videos without --fast: "
)


def is_fast(record: dict[str, Any]) -> bool:
    """Whether a stylizer shall paint; flags must not contradict each other, or what is repeated."""
    repeats, named = "stylizer" in record, FLAGS["stylizer"].present
    fast = field_flags.parsed(Way, FLAGS).fast
    if record and not repeats and (fast or named):
        raise flags.IllegalFlagValueError(
            "--from: that picture was made by the optimiser; repeat it without --fast and --stylizer"
        )
    if FLAGS["fast"].present and not fast and (repeats or named):
        raise flags.IllegalFlagValueError("--nofast contradicts --stylizer, or --from a stylizer's picture")
    fast = fast or named > 0 or repeats
    present = {name for name in FLAGS if FLAGS[name].present}
    if not fast and (wrong := present & _FAST_ONLY):
        raise flags.IllegalFlagValueError(f"--{min(wrong)} works with --fast only")
    if fast and (wrong := present - _SHARED - _FAST_ONLY - {"fast", "stylizer"}):
        listed = ", ".join(f"--{name}" for name in sorted(wrong))
        raise flags.IllegalFlagValueError(
            f"{listed}: only for the optimiser; a stylizer (--fast) takes --size, --strength, "
            "--preserve_color, --color_strength, --precision, --engine, --style_weights, --each_style, "
            "--content_mask and --style_mask"
        )
    return fast
