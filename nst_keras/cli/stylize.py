"""Paints a photo in the style of one or more paintings.

  nst-stylize --fast --content=photo.jpg --style=starry_night --output=picture.png
  nst-stylize --fast --content=photo.jpg --style=painting.jpg --output=picture.png
  nst-stylize --fast --content=clip.mp4 --style=starry_night --output=painted.mp4    (or .mov .mkv .gif)
  nst-stylize --content=photo.jpg --style=painting.jpg --output=picture.png    (a video, too: minutes a frame)
  nst-stylize --content=sample:china --style=sample:strokes --preset=preview
  nst-stylize --content=photo.jpg --style=a.jpg,b.jpg --style_weights=3,1
  nst-stylize --content=photos/ --style=paintings/ --each_style --output=gallery/
  nst-stylize --from=picture.png --size=1024

With --fast a trained network paints in one pass, in a style that one knows by name or after any painting,
for which a network is fetched at first use (2.9 MB). Without, the picture is optimised after any painting.

Ctrl-C leaves the picture so far and a checkpoint; the same command with --resume goes on.
Flags about how the picture is made have their default from --preset; [in brackets] is that of the
preset default.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from absl import flags

from nst_keras.cli import common, field_flags
from nst_keras.console.console import say
from nst_keras.errors import InputError, did_you_mean
from nst_keras.fields import Settings, choice, field_types, parse_settings, setting
from nst_keras.pictures.by_name import PictureReader
from nst_keras.pictures.images import WRITABLE_SUFFIXES, read_settings
from nst_keras.pictures.masks import REGION_COLORS, job_regions, named_regions
from nst_keras.pictures.plan import FileSettings, JobOptions, StylizeJob, check_job, plan_jobs
from nst_keras.pictures.record import Records
from nst_keras.pictures.samples import SAMPLE, SAMPLE_CONTENTS, SAMPLE_STYLES
from nst_keras.pictures.videos.video import VIDEO_SUFFIXES, is_video, read_video_settings, require_video
from nst_keras.pictures.videos.writers import GIF, WRITABLE_VIDEO_SUFFIXES
from nst_keras.stylizers.architecture import (
    FETCHED,
    architecture_of,
    known_styles,
    load_painter,
    maker_of,
    stylizer_digest,
    stylizer_for,
)
from nst_keras.stylizers.engines.settings import EngineSettings
from nst_keras.stylizers.settings import LARGEST, FastSettings, VideoSettings
from nst_keras.transfer.plan import records_of
from nst_keras.transfer.presets import PRESETS
from nst_keras.transfer.settings import INITS, METHODS, StyleTransferSettings
from nst_keras.transfer.videos.settings import FilmSettings
from nst_keras.weights.vgg19 import vgg19_digest

if TYPE_CHECKING:
    from nst_keras.stylizers.painter import Painter

_Kind = TypeVar("_Kind", bound=Settings)

# Fields of a stylizer's settings that the optimiser's have, too, and those that are its own.
_BOTH = field_types(VideoSettings).keys() & field_types(StyleTransferSettings).keys()
_FAST_ONLY = (field_types(VideoSettings).keys() - _BOTH) | field_types(EngineSettings).keys()
_VIDEOS_ONLY = field_types(VideoSettings).keys() - field_types(FastSettings).keys()
_FILMS_ONLY = field_types(FilmSettings).keys() - field_types(StyleTransferSettings).keys()
# Flags of the optimiser that a video has no use for.
_NO_VIDEOS = ("content_mask", "style_mask", "trace", "tensorboard_dir", "save_every", "init")
# Flags that mean the same for a stylizer; all others are the optimiser's.
_SHARED = (
    {"content", "style", "style_weights", "each_style", "content_mask", "style_mask", "output", "from"}
    | field_types(FileSettings).keys()
    | _BOTH
)


def _styles() -> list[str]:
    """Names that --style knows."""
    return [*known_styles(), *SAMPLE_STYLES]


@dataclass(frozen=True)
class _Inputs(Settings):
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
class _Way(Settings):
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


FLAGS = field_flags.flags_of(_Inputs)
flags.DEFINE_string(
    "from", "", "Picture or video of ours whose settings and inputs to repeat.", flag_values=FLAGS
)
field_flags.define(FileSettings, FLAGS)
field_flags.define(JobOptions, FLAGS)
field_flags.define(_Way, FLAGS)
field_flags.define(VideoSettings, FLAGS, without=_BOTH, note="With --fast: ")
field_flags.define(EngineSettings, FLAGS, note="With --fast: ")
field_flags.define(common.NetworkSettings, FLAGS)
field_flags.define(StyleTransferSettings, FLAGS)
field_flags.define(
    FilmSettings, FLAGS, without=field_types(StyleTransferSettings), note="Videos without --fast: "
)


@common.command(
    __doc__,
    FLAGS,
    first=[
        "content",
        "style",
        "output",
        "fast",
        "preset",
        "size",
        "style_weight",
        "preserve_color",
        "from",
        "resume",
    ],
)
def main() -> int:
    """Entry point of `nst-stylize`."""
    record = _record_to_repeat()
    return _paint(record) if _is_fast(record) else _optimize(record)


def _record_to_repeat() -> dict[str, Any]:
    source = FLAGS["from"].value
    if source:
        record = (read_video_settings if _suffix(source) in VIDEO_SUFFIXES else read_settings)(source)
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
    if not ("stylizer" in record and architecture_of(_stylizer(record)).named_styles):
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


def _is_fast(record: dict[str, Any]) -> bool:
    """Whether a stylizer shall paint; flags must not contradict each other, or what is repeated."""
    repeats, named = "stylizer" in record, FLAGS["stylizer"].present
    fast = field_flags.parsed(_Way, FLAGS).fast
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


def _paint(record: dict[str, Any]) -> int:
    if _videos(record):
        return _paint_video(record)
    if FLAGS["steady"].present:
        raise flags.IllegalFlagValueError("--steady works with videos only")
    base = {name: value for name, value in record.get("settings", {}).items() if name not in _VIDEOS_ONLY}
    settings = _parsed(FastSettings, base)
    stylizer = _stylizer(record)
    named = architecture_of(stylizer).named_styles
    jobs = _jobs(record, [FLAGS["from"].value or "", stylizer], named_styles=named)
    if len(jobs) > 1:
        jobs = _unfinished(
            jobs, lambda: Records(settings, maker_of(stylizer, stylizer_digest(stylizer)), PictureReader())
        )
    if not jobs:
        return 0
    if len(jobs) == 1:  # of several, each is checked when its turn comes
        check_job(jobs[0])
        named_regions(jobs[0], PictureReader())
    from nst_keras.stylizers.at_console import paint_at_console
    from nst_keras.stylizers.job import FastStylize

    stylize = FastStylize(settings, _painter(stylizer))
    return paint_at_console(stylize, jobs, repeated_digest=record.get("stylizer_digest"))


def _painter(stylizer: str) -> "Painter":
    engine = field_flags.parsed(EngineSettings, FLAGS).engine
    return load_painter(stylizer, engine, common.import_tensorflow_quietly)


def _stylizer(record: dict[str, Any]) -> str:
    """The one that is named, or made what is repeated, or paints in the styles."""
    styles = field_flags.parsed(_Inputs, FLAGS).style
    recorded = record.get("stylizer", "")
    if recorded in FETCHED and styles:
        recorded = ""
    return FLAGS.stylizer or recorded or stylizer_for(styles or record["styles"])


def _videos(record: dict[str, Any]) -> list[str]:
    """Contents that are videos; of an animated GIF a picture may be wanted, which is its first one."""
    inputs = field_flags.parsed(_Inputs, FLAGS)
    videos = filter(is_video, inputs.content or [record["content"]])
    picture = _suffix(inputs.output) in WRITABLE_SUFFIXES
    return [name for name in videos if not (picture and _suffix(name) == GIF)]


def _paint_video(record: dict[str, Any]) -> int:
    settings = _parsed(VideoSettings, record.get("settings", {}))
    stylizer = _stylizer(record)
    jobs = _video_jobs(record, stylizer, named_styles=architecture_of(stylizer).named_styles)
    from nst_keras.stylizers.video import paint_videos_at_console

    painter, digest = _painter(stylizer), record.get("stylizer_digest")
    return paint_videos_at_console(painter, settings, jobs, repeated_digest=digest)


def _video_jobs(record: dict[str, Any], other_input: str, *, named_styles: bool = False) -> list[StylizeJob]:
    for name in _NO_VIDEOS:
        if FLAGS[name].present:
            raise flags.IllegalFlagValueError(f"--{name} works with pictures only, not with videos")
    videos = _videos(record)
    suffix = GIF if {_suffix(name) for name in videos} == {GIF} else ".mp4"
    others = [FLAGS["from"].value or "", other_input]
    jobs = _jobs(record, others, named_styles=named_styles, suffix=suffix)
    if pictures := {job.content for job in jobs} - {*videos}:
        raise flags.Error(f"--content: {min(pictures)} is no video, as others are: paint pictures apart")
    for job in jobs:
        check_job(job, suffixes=WRITABLE_VIDEO_SUFFIXES)
    if len(jobs) == 1:  # a bad one of several is told when its turn comes
        require_video(jobs[0].content)
    return jobs


def _optimize_video(record: dict[str, Any], base: dict[str, Any], network: common.NetworkSettings) -> int:
    settings, options = _parsed(FilmSettings, base), field_flags.parsed(JobOptions, FLAGS)
    jobs = _video_jobs(record, network.vgg)
    common.import_tensorflow_quietly()
    from nst_keras.transfer.videos.at_console import FilmStylize, paint_films_at_console

    stylize, digest = FilmStylize(settings, network.vgg, network.kernel_order), record.get("vgg_digest")
    return paint_films_at_console(stylize, jobs, resume=options.resume, repeated_digest=digest)


def _optimize(record: dict[str, Any]) -> int:
    _require_paintings(field_flags.parsed(_Inputs, FLAGS).style)
    repeats = record and not FLAGS["preset"].present
    base = record["settings"] if repeats else _preset_settings()
    recorded = {name: record[name] for name in ("vgg", "kernel_order") if name in record}
    network = field_flags.parsed(common.NetworkSettings, FLAGS, **recorded)
    if _videos(record):
        return _optimize_video(record, base, network)
    if given := sorted(name for name in _FILMS_ONLY if FLAGS[name].present):
        raise flags.IllegalFlagValueError(f"--{given[0]} works with videos only")
    base = {name: value for name, value in base.items() if name not in _FILMS_ONLY}
    settings, options = _parsed(StyleTransferSettings, base), field_flags.parsed(JobOptions, FLAGS)
    jobs = _jobs(record, [settings.init, FLAGS["from"].value or "", network.vgg])
    several = len(jobs) > 1
    if several or options.resume:
        jobs = _unfinished(
            jobs,
            lambda: records_of(
                settings, network.vgg, network.kernel_order, vgg19_digest(network.vgg), PictureReader()
            ),
        )
    if not jobs:
        return 0
    if len(jobs) == 1:
        check_job(jobs[0], options.apart(jobs[0].output) if several else options)
        job_regions(jobs[0], PictureReader())
    common.import_tensorflow_quietly()
    from nst_keras.transfer.at_console import run_at_console
    from nst_keras.transfer.job import OptimizedStylize

    transfer = OptimizedStylize(settings, network.vgg, network.kernel_order)
    digest = record.get("vgg_digest")
    return run_at_console(transfer, jobs, options, apart=several, repeated_digest=digest)


def _preset_settings() -> dict[str, Any]:
    """Those that flags change; a preset that isn't for the method that is named is told as such."""
    name, method = field_flags.parsed(_Way, FLAGS).preset, FLAGS.method
    base = PRESETS[name].to_dict()
    if FLAGS["preset"].present and method in METHODS:
        try:
            parse_settings(StyleTransferSettings, {**base, "method": method})
        except InputError as error:
            raise flags.IllegalFlagValueError(
                f"--preset={name} isn't for --method={method}: {error}"
            ) from error
    return base


def _unfinished(jobs: list[StylizeJob], records: Callable[[], Records]) -> list[StylizeJob]:
    """Those jobs whose pictures aren't there yet; tells of the others, before TensorFlow loads."""
    if not any(job.output.exists() for job in jobs):
        return jobs
    known = records()
    done = [job for job in jobs if known.is_made(job)]
    for job in done:
        say(f"{job.output} is done already")
    return [job for job in jobs if job not in done]


def _require_paintings(styles: Iterable[str]) -> None:
    paintings = f"a painting: a file, a folder, or one of {', '.join(SAMPLE_STYLES)}"
    for style in styles:
        if os.path.exists(style):
            continue
        if style in known_styles():
            raise flags.IllegalFlagValueError(
                f"--style: {style} is a style that a stylizer knows: add --fast. Without it, a style is "
                + paintings
            )
        if near := did_you_mean(style, known_styles()):
            raise flags.IllegalFlagValueError(
                f"--style: {style} is neither a style that a stylizer knows nor {paintings}{near}"
            )


def _parsed(kind: type[_Kind], base: dict[str, Any]) -> _Kind:
    """The settings of a picture that is repeated, or of a preset, with the flags on top."""
    try:
        defaults = parse_settings(kind, base).to_dict()
    except InputError as error:
        raise InputError(f"the picture's settings are of another version: {error}") from error
    return field_flags.parsed(kind, FLAGS, **defaults)


def _suffix(name: str) -> str:
    return Path(name).suffix.lower()


def _jobs(
    record: dict[str, Any], other_inputs: list[str], *, named_styles: bool = False, suffix: str = ".png"
) -> list[StylizeJob]:
    inputs = field_flags.parsed(_Inputs, FLAGS)
    return plan_jobs(
        inputs.content or [record["content"]],
        inputs.style or record["styles"],
        inputs.style_weights or (() if inputs.style else record["style_weights"]),
        inputs.output,
        each_style=inputs.each_style,
        other_inputs=other_inputs,
        named_styles=named_styles,
        suffix=suffix,
        file=field_flags.parsed(FileSettings, FLAGS),
        content_mask=inputs.content_mask or record.get("content_mask", ""),
        style_masks=inputs.style_mask or (() if inputs.style else record.get("style_masks", ())),
    )


if __name__ == "__main__":
    main()
