"""Jobs at a terminal: what is shown, and signals that end a run without losing it."""

import os
from collections.abc import Callable, Sequence

import psutil
import tensorflow as tf

from nst_keras.console.console import Console, say
from nst_keras.pictures.plan import StylizeJob, check_job, checkpoint_path
from nst_keras.pictures.record import alpha_note
from nst_keras.pictures.settings import JobOptions
from nst_keras.transfer.job import OptimizedStylize, PreparedTransfer
from nst_keras.transfer.memory import estimate_memory, tile_side
from nst_keras.transfer.settings import NN


def run_at_console(
    transfer: OptimizedStylize,
    jobs: Sequence[StylizeJob],
    options: JobOptions,
    *,
    apart: bool = False,
    repeated_digest: str | None = None,
) -> int:
    """Makes pictures one after the other, and returns the exit code; see `Console.each_picture`.

    If they are `apart`, each has a trace of its own. `repeated_digest` is the hash of the weights that made
    the picture that is repeated, if one is.
    """
    if repeated_digest not in (None, transfer.weights.digest):
        say(f"note: that picture was made with other weights, {repeated_digest}; see --vgg")
    with Console() as console:

        def make(job: StylizeJob, title: str) -> bool:
            own = options.apart(job.output) if apart else options
            if title:
                console.say(f"{title}{job.output}")
                check_job(job, own)  # a lone one was, before TensorFlow was loaded
            return _run(transfer, transfer.prepare(job, own), console)

        return console.each_picture(jobs, make)


def _run(transfer: OptimizedStylize, prepared: PreparedTransfer, console: Console) -> bool:
    """Runs one job; tells whether it came to its end."""
    output, checkpoint = prepared.job.output, checkpoint_path(prepared.job.output)
    if not prepared.options.resume and checkpoint.exists():
        console.say(f"starting anew; with --resume it would go on from {checkpoint}")
    announce(transfer, prepared, console.say)
    if note := alpha_note(output, prepared.content.alpha):
        console.say(note)
    outcome = transfer.run(prepared, observers=[console.show], should_stop=console.should_stop)
    if outcome.finished:
        console.finished(output)
    else:
        console.stopped(f"the picture so far is in {output}, and --resume goes on from there")
    return outcome.finished


def announce(transfer: OptimizedStylize, prepared: PreparedTransfer, say: Callable[[str], None]) -> None:
    """Tells sizes, device, memory and network before the first step."""
    settings, scales, start = transfer.settings, prepared.scales, prepared.start
    gpus = tf.config.list_physical_devices("GPU")
    device = f"GPU ({len(gpus)} found)" if gpus else f"CPU ({os.cpu_count()} cores)"
    height, width = (side + 2 * settings.margin for side in scales[-1][:2])
    side = tile_side(settings, height, width)
    needed = estimate_memory(settings, height, width, side)
    free = psutil.virtual_memory().available
    memory = f"tiles of {side} pixels, " if side else ""
    memory += f"about {needed / 1e9:.1f} GB of memory ({free / 1e9:.1f} GB free"
    memory += "; TOO LITTLE)" if free < needed else ")"
    path = " > ".join(f"{scale.width}x{scale.height}" for scale in scales if not scale.by_layer)
    how = "nearest neighbours" if settings.method == NN else settings.optimizer
    say(f"{path} by {how} on {device}, {memory}; {transfer.weights.source}")
    if start is not None:
        say(f"resuming at size {start.scale + 1} of {len(scales)}, step {start.step}")
