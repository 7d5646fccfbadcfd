"""Jobs at a terminal: what is shown, and signals that end a run without losing it."""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import psutil
import tensorflow as tf

from nst_keras.console.stop_signals import StopSignals
from nst_keras.errors import InputError
from nst_keras.pictures.plan import JobOptions, StylizeJob, checkpoint_path
from nst_keras.transfer.descent import Pictures, State, scale_sizes
from nst_keras.transfer.job import StyleTransfer
from nst_keras.transfer.memory import estimate_memory
from nst_keras.transfer.progress import ProgressLine


def run_at_console(
    transfer: StyleTransfer,
    jobs: Sequence[StylizeJob],
    options: JobOptions,
    *,
    repeated_digest: str | None = None,
) -> int:
    """Makes pictures one after the other; a bad one doesn't keep the others from being made.

    Args:
        transfer: Network and settings.
        jobs: What to make.
        options: What to keep on the way.
        repeated_digest: Hash of the weights that made the picture that is repeated, if one is.

    Returns:
        Exit code: 0, 1 if a picture of several failed, 128 + signal if stopped.

    Raises:
        InputError: If the only picture can't be made.
    """
    if repeated_digest not in (None, transfer.weights.digest):
        _say(f"note: that picture was made with other weights, {repeated_digest}; see --vgg")
    stop, failed = StopSignals(), 0
    for number, job in enumerate(jobs, start=1):
        if len(jobs) > 1:
            _say(f"[{number}/{len(jobs)}] {job.output}")
        if (len(jobs) > 1 or options.resume) and transfer.is_done(job):
            _say(f"{job.output} is done already")
            continue
        try:
            finished = _run(transfer, job, options if len(jobs) == 1 else _apart(options, job), stop)
        except InputError as error:
            if len(jobs) == 1:
                raise
            failed += 1
            _say(f"error: {error}")
            finished = True
        if stop.received and not (finished and number == len(jobs)):
            return 128 + stop.received
    if failed:
        _say(f"{failed} of {len(jobs)} pictures could not be made")
    return 1 if failed else 0


def _run(transfer: StyleTransfer, job: StylizeJob, options: JobOptions, stop: StopSignals) -> bool:
    """Runs one job; tells whether it came to its end."""
    if not options.resume and checkpoint_path(job.output).exists():
        _say(f"starting anew; with --resume it would go on from {checkpoint_path(job.output)}")
    line = ProgressLine()
    try:
        outcome = transfer.run(
            job,
            options,
            before=lambda pictures, start: _announce(transfer, pictures, start),
            observers=[line],
            should_stop=lambda: bool(stop.received),
        )
    finally:
        line.close()
    if outcome.finished:
        print(job.output, flush=True)
    else:
        _say(f"stopped; the picture so far is in {job.output}, and --resume goes on from there")
    return outcome.finished


def _apart(options: JobOptions, job: StylizeJob) -> JobOptions:
    """Gives each picture of several a trace and a TensorBoard run of its own."""
    trace, board = Path(options.trace), Path(options.tensorboard_dir, job.output.stem)
    return replace(
        options,
        trace=str(trace.with_name(f"{job.output.stem}.{trace.name}")) if options.trace else "",
        tensorboard_dir=str(board) if options.tensorboard_dir else "",
    )


def _announce(transfer: StyleTransfer, pictures: Pictures, start: State | None) -> None:
    """Tells sizes, device, memory and network before the first step."""
    settings = transfer.settings
    sizes = scale_sizes(pictures.content, settings)
    gpus = tf.config.list_physical_devices("GPU")
    device = f"GPU ({len(gpus)} found)" if gpus else f"CPU ({os.cpu_count()} cores)"
    needed, free = estimate_memory(settings, *sizes[-1]), psutil.virtual_memory().available
    memory = f"about {needed / 1e9:.1f} GB of memory ({free / 1e9:.1f} GB free"
    memory += "; TOO LITTLE)" if free < needed else ")"
    path = " > ".join(f"{width}x{height}" for height, width in sizes)
    _say(f"{path} by {settings.optimizer} on {device}, {memory}; {transfer.weights.source}")
    if start is not None:
        _say(f"resuming at size {start.scale + 1} of {len(sizes)}, step {start.step}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
