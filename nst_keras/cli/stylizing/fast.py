"""nst-stylize by a stylizer."""

from typing import TYPE_CHECKING, Any

from absl import flags

from nst_keras.cli import common, field_flags
from nst_keras.cli.stylizing.flags import FLAGS, VIDEOS_ONLY
from nst_keras.cli.stylizing.jobs import jobs_of, parsed, unfinished, video_jobs, videos_of
from nst_keras.cli.stylizing.repeated import stylizer_of
from nst_keras.pictures.by_name import PictureReader
from nst_keras.pictures.masks import named_regions
from nst_keras.pictures.plan import check_job
from nst_keras.pictures.record import Records
from nst_keras.stylizers.by_name import architecture_of, load_painter, maker_of, stylizer_digest
from nst_keras.stylizers.engines.settings import EngineSettings
from nst_keras.stylizers.settings import FastSettings, VideoSettings

if TYPE_CHECKING:
    from nst_keras.stylizers.painter import Painter


def paint(record: dict[str, Any]) -> int:
    """Paints what the flags ask for, on top of what is repeated; returns the exit code."""
    if videos_of(record):
        return _paint_video(record)
    if FLAGS["steady"].present:
        raise flags.IllegalFlagValueError("--steady works with videos only")
    base = {name: value for name, value in record.get("settings", {}).items() if name not in VIDEOS_ONLY}
    settings = parsed(FastSettings, base)
    stylizer = stylizer_of(record)
    named = architecture_of(stylizer).named_styles
    jobs = jobs_of(record, [FLAGS["from"].value or "", stylizer], named_styles=named)
    if len(jobs) > 1:
        jobs = unfinished(
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


def _paint_video(record: dict[str, Any]) -> int:
    settings = parsed(VideoSettings, record.get("settings", {}))
    stylizer = stylizer_of(record)
    jobs = video_jobs(record, stylizer, named_styles=architecture_of(stylizer).named_styles)
    from nst_keras.stylizers.video import paint_videos_at_console

    painter, digest = _painter(stylizer), record.get("stylizer_digest")
    return paint_videos_at_console(painter, settings, jobs, repeated_digest=digest)
