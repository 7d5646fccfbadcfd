"""Painting by a trained stylizer at a terminal."""

from collections.abc import Sequence

from nst_keras.console.console import Console, say
from nst_keras.console.progress import Stopwatch, format_seconds
from nst_keras.pictures.plan import StylizeJob, check_job
from nst_keras.pictures.record import alpha_note
from nst_keras.stylizers.job import FastStylize
from nst_keras.stylizers.painter import Painter


def paint_at_console(
    stylize: FastStylize, jobs: Sequence[StylizeJob], *, repeated_digest: str | None = None
) -> int:
    """Paints pictures one after the other, and returns the exit code; see `Console.each_picture`.

    `repeated_digest` is the hash of the stylizer that made the picture that is repeated, if one is.
    """
    note_other_stylizer(stylize.painter, repeated_digest)
    if len(jobs) == 1:
        prepared = stylize.prepare(jobs[0])
        print(stylize.run(prepared), flush=True)
        if note := alpha_note(jobs[0].output, prepared.content.alpha):
            say(note)
        return 0
    watch = Stopwatch((len(jobs), 1))
    watch.see(0)  # the first picture counts, though it takes longer
    with Console() as console:

        def paint(job: StylizeJob, title: str) -> bool:
            check_job(job)  # a lone one was, before TensorFlow was loaded
            prepared = stylize.prepare(job)
            console.finished(stylize.run(prepared))
            if note := alpha_note(job.output, prepared.content.alpha):
                console.say(note)
            left = watch.see(jobs.index(job) + 1).seconds_left or 0.0
            console.say(f"{title}ETA {format_seconds(left)}")
            return True

        return console.each_picture(jobs, paint)


def note_other_stylizer(painter: Painter, repeated_digest: str | None) -> None:
    """Tells that what is repeated was made by another stylizer, if one is."""
    if repeated_digest not in (None, painter.digest):
        say(f"note: that was made by another stylizer, {repeated_digest}; see --stylizer")
