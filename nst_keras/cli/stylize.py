"""Paints a photo in the style of one or more paintings.

  nst-stylize --content=photo.jpg --style=painting.jpg --output=picture.png
  nst-stylize --content=sample:china --style=sample:strokes --preset=preview
  nst-stylize --content=photo.jpg --style=a.jpg,b.jpg --style_weights=3,1
  nst-stylize --content=photos/ --style=paintings/ --each_style --output=gallery/
  nst-stylize --from=picture.png --size=1024

Ctrl-C leaves the picture so far and a checkpoint; the same command with --resume goes on.
Flags about how the picture is made have their default from --preset.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from absl import flags

from nst_keras.cli import common
from nst_keras.errors import InputError
from nst_keras.training.presets import PRESETS
from nst_keras.training.settings import StyleTransferSettings, parse_layers

_CONTENT = flags.DEFINE_list("content", [], "Photo, folder of photos, or sample:NAME; several by commas.")
_STYLE = flags.DEFINE_list(
    "style", [], "Painting, folder of paintings, or sample:NAME; several by commas are blended."
)
_STYLE_WEIGHTS = flags.DEFINE_list("style_weights", [], "A weight for each blended style.")
_EACH_STYLE = flags.DEFINE_bool("each_style", False, "A picture for each style, not a blend.")
_OUTPUT = flags.DEFINE_string("output", "", "Picture to write (.png .jpg .webp .tif), or an existing folder.")
_PRESET = flags.DEFINE_enum("preset", "default", list(PRESETS), "Settings to start from.")
_FROM = flags.DEFINE_string("from", "", "Picture of ours whose settings and inputs to repeat.")
_VGG = flags.DEFINE_string("vgg", "", "imagenet-vgg-verydeep-19.mat, or 8bit, or imported (see nst-weights).")
_KERNEL_ORDER = flags.DEFINE_enum(
    "kernel_order", "stored", ["stored", "transposed"], "transposed repeats an old mistake."
)
_RESUME = flags.DEFINE_bool("resume", False, "Go on from the checkpoint beside the output.")
_CHECKPOINT_EVERY = flags.DEFINE_integer("checkpoint_every", 25, "Steps between checkpoints.", lower_bound=1)
_TRACE = flags.DEFINE_string("trace", "", "File for a JSON line a step, such as trace.jsonl.")
_TENSORBOARD = flags.DEFINE_string("tensorboard_dir", "", "Folder for TensorBoard's events.")

for _field in dataclasses.fields(StyleTransferSettings):
    if _field.type is int:
        flags.DEFINE_integer(_field.name, None, _field.metadata["help"])
    elif _field.type is float:
        flags.DEFINE_float(_field.name, None, _field.metadata["help"])
    elif _field.type is bool:
        flags.DEFINE_bool(_field.name, None, _field.metadata["help"])
    else:
        flags.DEFINE_string(_field.name, None, _field.metadata["help"])


def main() -> None:
    """Entry point of `nst-stylize`."""
    common.run(_main, __name__, __doc__)


def _main(arguments: Sequence[str]) -> int:
    if arguments:
        raise flags.Error(f"unexpected argument {arguments[0]!r}; pictures are named by flags")
    record = _record_to_repeat()
    settings = _settings(record)
    contents = _CONTENT.value or [record["content"]]
    styles = _STYLE.value or record["styles"]
    weights = _numbers(_STYLE_WEIGHTS.value) or (() if _STYLE.value else record["style_weights"])
    from nst_keras.jobs.plan import check_job, plan_jobs

    jobs = plan_jobs(contents, styles, weights, _OUTPUT.value, each_style=_EACH_STYLE.value)
    check_job(jobs[0])  # the others are checked when their turn comes
    common.import_tensorflow_quietly()
    from nst_keras.jobs.console import run_at_console
    from nst_keras.jobs.stylize import JobOptions, StyleTransfer

    options = JobOptions(_CHECKPOINT_EVERY.value, _TRACE.value, _TENSORBOARD.value, _RESUME.value)
    vgg = _VGG.value or record.get("vgg", "")
    return run_at_console(StyleTransfer(settings, vgg, _KERNEL_ORDER.value), jobs, options)


def _record_to_repeat() -> dict[str, Any]:
    if _FROM.value:
        from nst_keras.io.images import read_settings

        return read_settings(_FROM.value)
    for name, flag in (("content", _CONTENT), ("style", _STYLE)):
        if not flag.value:
            raise flags.Error(f"--{name} is missing: a file, a folder or sample:NAME")
    return {}


def _settings(record: dict[str, Any]) -> StyleTransferSettings:
    values = {f.name: flags.FLAGS[f.name].value for f in dataclasses.fields(StyleTransferSettings)}
    changes = {name: value for name, value in values.items() if value is not None}
    try:
        for name in ("content_layers", "style_layers"):
            if name in changes:
                changes[name] = parse_layers(changes[name])
        if record and not flags.FLAGS["preset"].present:
            return StyleTransferSettings(**{**record["settings"], **changes})
        return dataclasses.replace(PRESETS[_PRESET.value], **changes)
    except InputError as error:
        raise flags.IllegalFlagValueError(f"--{error}") from error


def _numbers(texts: Sequence[str]) -> tuple[float, ...]:
    try:
        return tuple(map(float, texts))
    except ValueError as error:
        raise flags.IllegalFlagValueError(f"--style_weights must be numbers: {error}") from error


if __name__ == "__main__":
    main()
