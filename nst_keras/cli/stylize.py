"""Paints a photo in the style of one or more paintings.

  nst-stylize --fast --content=photo.jpg --style=starry_night --output=picture.png
  nst-stylize --fast --stylizer=any_painting.npz --content=photo.jpg --style=painting.jpg
  nst-stylize --fast --content=clip.mp4 --style=starry_night --output=painted.mp4
  nst-stylize --content=photo.jpg --style=painting.jpg --output=picture.png
  nst-stylize --content=sample:china --style=sample:strokes --preset=preview
  nst-stylize --content=photo.jpg --style=a.jpg,b.jpg --style_weights=3,1
  nst-stylize --content=photos/ --style=paintings/ --each_style --output=gallery/
  nst-stylize --from=picture.png --size=1024

With --fast a trained network paints in one pass, in a style that it knows, or after any painting if it
was trained so. Without, the picture is optimised, in the style of any painting.

Ctrl-C leaves the picture so far and a checkpoint; the same command with --resume goes on.
Flags about how the picture is made have their default from --preset; [in brackets] is that of the
preset default.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from nst_keras.cli import common, fast_flags, field_flags, settings_flags
from nst_keras.errors import InputError
from nst_keras.pictures.images import read_settings
from nst_keras.pictures.plan import JobOptions, StylizeJob, check_job, plan_jobs
from nst_keras.pictures.video import VIDEO_SUFFIXES, WRITABLE_VIDEO_SUFFIXES
from nst_keras.stylizers.architecture import architecture_of, load_painter

_CONTENT = flags.DEFINE_list("content", [], "Photo, folder of photos, or sample:NAME; several by commas.")
_STYLE = flags.DEFINE_list(
    "style", [], "Painting, folder of paintings, or sample:NAME; several by commas are blended."
)
_STYLE_WEIGHTS = flags.DEFINE_list("style_weights", [], "A weight for each blended style.")
_EACH_STYLE = flags.DEFINE_bool("each_style", False, "A picture for each style, not a blend.")
_OUTPUT = flags.DEFINE_string("output", "", "Picture to write (.png .jpg .webp .tif), or an existing folder.")
_FROM = flags.DEFINE_string("from", "", "Picture of ours whose settings and inputs to repeat.")
_RESUME = flags.DEFINE_bool("resume", False, "Go on from the checkpoint beside the output.")
_CHECKPOINT_EVERY = flags.DEFINE_integer(
    "checkpoint_every", JobOptions.checkpoint_every, "Steps between checkpoints.", lower_bound=1
)
_TRACE = flags.DEFINE_string("trace", "", "File for a JSON line a step, such as trace.jsonl.")
_TENSORBOARD = flags.DEFINE_string("tensorboard_dir", "", "Folder for TensorBoard's events.")
common.adopt_flags(__name__, fast_flags, common, settings_flags, field_flags)


def main() -> None:
    """Entry point of `nst-stylize`."""
    common.run(_main, __name__, __doc__)


def _main(arguments: Sequence[str]) -> int:
    if arguments:
        raise flags.Error(f"unexpected argument {arguments[0]!r}; pictures are named by flags")
    record = _record_to_repeat()
    return _paint(record) if fast_flags.is_wanted(record) else _optimize(record)


def _paint(record: dict[str, Any]) -> int:
    fast_flags.require_no_others(common.command_flags(__name__))
    if any(Path(name).suffix.lower() in VIDEO_SUFFIXES for name in _CONTENT.value):
        return _paint_video()
    settings = fast_flags.parsed(record.get("settings", {}))
    stylizer = fast_flags.STYLIZER.value or record.get("stylizer", "")
    named = architecture_of(stylizer).named_styles
    jobs = _jobs(record, [_FROM.value, stylizer], named_styles=named)
    if len(jobs) == 1:  # of several, each is checked when its turn comes
        check_job(jobs[0])
    common.import_tensorflow_quietly()
    from nst_keras.stylizers.at_console import paint_at_console
    from nst_keras.stylizers.job import FastStylize

    stylize = FastStylize(settings, stylizer)
    return paint_at_console(stylize, jobs, repeated_digest=record.get("stylizer_digest"))


def _paint_video() -> int:
    if _FROM.value:
        raise flags.Error("--from repeats pictures, not videos")
    settings, stylizer = fast_flags.parsed_for_video(), fast_flags.STYLIZER.value
    named = architecture_of(stylizer).named_styles
    jobs = _jobs({}, [stylizer], named_styles=named, suffix=".mp4")
    if len(jobs) > 1:
        raise flags.Error("--content: one video at a time, in one style or one blend")
    check_job(jobs[0], suffixes=WRITABLE_VIDEO_SUFFIXES)
    common.import_tensorflow_quietly()
    from nst_keras.stylizers.at_console import say
    from nst_keras.stylizers.video import paint_video_at_console

    return paint_video_at_console(load_painter(stylizer), settings, jobs[0], say)


def _optimize(record: dict[str, Any]) -> int:
    settings = settings_flags.parsed(record.get("settings"))
    jobs = _jobs(record, [settings.init, _FROM.value, common.VGG.value])
    options = JobOptions(_CHECKPOINT_EVERY.value, _TRACE.value, _TENSORBOARD.value, _RESUME.value)
    if len(jobs) == 1:
        check_job(jobs[0], options)
    common.import_tensorflow_quietly()
    from nst_keras.transfer.at_console import run_at_console
    from nst_keras.transfer.job import StyleTransfer

    vgg = common.VGG.value or record.get("vgg", "")
    order = record.get("kernel_order") if not flags.FLAGS["kernel_order"].present else None
    transfer = StyleTransfer(settings, vgg, order or common.KERNEL_ORDER.value)
    return run_at_console(transfer, jobs, options, repeated_digest=record.get("vgg_digest"))


def _jobs(
    record: dict[str, Any], other_inputs: list[str], *, named_styles: bool = False, suffix: str = ".png"
) -> list[StylizeJob]:
    return plan_jobs(
        _CONTENT.value or [record["content"]],
        _STYLE.value or record["styles"],
        _numbers(_STYLE_WEIGHTS.value) or (() if _STYLE.value else record["style_weights"]),
        _OUTPUT.value,
        each_style=_EACH_STYLE.value,
        other_inputs=other_inputs,
        named_styles=named_styles,
        suffix=suffix,
    )


def _record_to_repeat() -> dict[str, Any]:
    if _FROM.value:
        record = read_settings(_FROM.value)
        missing = {"content", "styles", "style_weights", "settings"} - set(record)
        if missing:
            raise InputError(f"{_FROM.value}: its settings lack {', '.join(sorted(missing))}")
        return record
    for flag in (_CONTENT, _STYLE):
        if not flag.value:
            raise flags.Error(f"--{flag.name} is missing: a file, a folder or sample:NAME")
    return {}


def _numbers(texts: Sequence[str]) -> tuple[float, ...]:
    try:
        return tuple(map(float, texts))
    except ValueError as error:
        raise flags.IllegalFlagValueError(f"--style_weights must be numbers: {error}") from error


if __name__ == "__main__":
    main()
