"""nst-stylize by the optimiser."""

import os
from collections.abc import Iterable
from typing import Any

from absl import flags

from nst_keras.cli import common, field_flags
from nst_keras.cli.stylizing.flags import FILMS_ONLY, FLAGS, Inputs, Way
from nst_keras.cli.stylizing.jobs import jobs_of, parsed, unfinished, video_jobs, videos_of
from nst_keras.errors import InputError, did_you_mean
from nst_keras.fields import parse_settings
from nst_keras.pictures.by_name import PictureReader
from nst_keras.pictures.masks import job_regions
from nst_keras.pictures.plan import check_job
from nst_keras.pictures.samples import SAMPLE_STYLES
from nst_keras.pictures.settings import JobOptions
from nst_keras.stylizers.by_name import known_styles
from nst_keras.transfer.plan import records_of
from nst_keras.transfer.presets import PRESETS
from nst_keras.transfer.settings import METHODS, StyleTransferSettings
from nst_keras.transfer.videos.settings import FilmSettings
from nst_keras.weights.vgg19 import vgg19_digest


def optimize(record: dict[str, Any]) -> int:
    """Paints what the flags ask for, on top of what is repeated; returns the exit code."""
    _require_paintings(field_flags.parsed(Inputs, FLAGS).style)
    repeats = record and not FLAGS["preset"].present
    base = record["settings"] if repeats else _preset_settings()
    recorded = {name: record[name] for name in ("vgg", "kernel_order") if name in record}
    network = field_flags.parsed(common.NetworkSettings, FLAGS, **recorded)
    if videos_of(record):
        return _optimize_video(record, base, network)
    if given := sorted(name for name in FILMS_ONLY if FLAGS[name].present):
        raise flags.IllegalFlagValueError(f"--{given[0]} works with videos only")
    base = {name: value for name, value in base.items() if name not in FILMS_ONLY}
    settings, options = parsed(StyleTransferSettings, base), field_flags.parsed(JobOptions, FLAGS)
    jobs = jobs_of(record, [settings.init, FLAGS["from"].value or "", network.vgg])
    several = len(jobs) > 1
    if several or options.resume:
        jobs = unfinished(
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


def _optimize_video(record: dict[str, Any], base: dict[str, Any], network: common.NetworkSettings) -> int:
    settings, options = parsed(FilmSettings, base), field_flags.parsed(JobOptions, FLAGS)
    jobs = video_jobs(record, network.vgg)
    common.import_tensorflow_quietly()
    from nst_keras.transfer.videos.at_console import FilmStylize, paint_films_at_console

    stylize, digest = FilmStylize(settings, network.vgg, network.kernel_order), record.get("vgg_digest")
    return paint_films_at_console(stylize, jobs, resume=options.resume, repeated_digest=digest)


def _preset_settings() -> dict[str, Any]:
    """Those that flags change; a preset that isn't for the method that is named is told as such."""
    name, method = field_flags.parsed(Way, FLAGS).preset, FLAGS.method
    base = PRESETS[name].to_dict()
    if FLAGS["preset"].present and method in METHODS:
        try:
            parse_settings(StyleTransferSettings, {**base, "method": method})
        except InputError as error:
            raise flags.IllegalFlagValueError(
                f"--preset={name} isn't for --method={method}: {error}"
            ) from error
    return base


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
