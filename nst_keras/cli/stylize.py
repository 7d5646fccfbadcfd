"""Paints a photo in the style of one or more paintings.

  nst-stylize --content=photo.jpg --style=painting.jpg --output=picture.png
  nst-stylize --content=sample:china --style=sample:strokes --preset=preview
  nst-stylize --content=photo.jpg --style=a.jpg,b.jpg --style_weights=3,1
  nst-stylize --content=photos/ --style=paintings/ --each_style --output=gallery/
  nst-stylize --from=picture.png --size=1024

Ctrl-C leaves the picture so far and a checkpoint; the same command with --resume goes on.
Flags about how the picture is made have their default from --preset; [in brackets] is that of the
preset default.
"""

from collections.abc import Sequence
from typing import Any

from absl import flags

from nst_keras.cli import common, settings_flags
from nst_keras.errors import InputError
from nst_keras.io.images import read_settings
from nst_keras.jobs.plan import JobOptions, check_job, plan_jobs

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
common.adopt_flags(__name__, common, settings_flags)


def main() -> None:
    """Entry point of `nst-stylize`."""
    common.run(_main, __name__, __doc__)


def _main(arguments: Sequence[str]) -> int:
    if arguments:
        raise flags.Error(f"unexpected argument {arguments[0]!r}; pictures are named by flags")
    record = _record_to_repeat()
    settings = settings_flags.parsed(record.get("settings"))
    weights = _numbers(_STYLE_WEIGHTS.value) or (() if _STYLE.value else record["style_weights"])
    jobs = plan_jobs(
        _CONTENT.value or [record["content"]],
        _STYLE.value or record["styles"],
        weights,
        _OUTPUT.value,
        each_style=_EACH_STYLE.value,
        other_inputs=[settings.init, _FROM.value, common.VGG.value],
    )
    options = JobOptions(_CHECKPOINT_EVERY.value, _TRACE.value, _TENSORBOARD.value, _RESUME.value)
    if len(jobs) == 1:  # of several, each is checked when its turn comes
        check_job(jobs[0], options)
    common.import_tensorflow_quietly()
    from nst_keras.jobs.console import run_at_console
    from nst_keras.jobs.stylize import StyleTransfer

    vgg = common.VGG.value or record.get("vgg", "")
    order = record.get("kernel_order") if not flags.FLAGS["kernel_order"].present else None
    transfer = StyleTransfer(settings, vgg, order or common.KERNEL_ORDER.value)
    return run_at_console(transfer, jobs, options, repeated_digest=record.get("vgg_digest"))


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
