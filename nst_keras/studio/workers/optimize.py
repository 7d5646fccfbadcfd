"""The process that optimises one picture: TensorFlow is here, and gone with it."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import filelock
import numpy as np

from nst_keras.console.tensorflow_start import import_tensorflow_quietly
from nst_keras.errors import InputError
from nst_keras.fields import recorded_settings
from nst_keras.pictures.settings import JobOptions
from nst_keras.studio.workers.channel import Channel
from nst_keras.studio.workers.tasks import PREVIEW_FILE, TRACE_FILE, job_of
from nst_keras.transfer.settings import StyleTransferSettings

_CHECKPOINT_EVERY = 10  # steps that a killed process may lose
_PREVIEW_SIDE = 640
# A preview may take so much of the steps' time, and comes so many seconds after the one before at least.
_PREVIEW_SHARE, _PREVIEW_PAUSE = 0.03, 0.5
_OTHER_WORKER_SECONDS = 60  # that one of a server before has to end


class Wishes:
    """What the server wants of a run; each has its effect after the step that is being taken."""

    def __init__(self, messages: Iterator[dict[str, Any]], tell: Callable[..., None]) -> None:
        self._tell, self._stops = tell, False
        self._goes = threading.Event()
        self._goes.set()
        threading.Thread(target=self._listen, args=(messages,), daemon=True).start()

    def _listen(self, messages: Iterator[dict[str, Any]]) -> None:
        for message in messages:
            self._take(message["wish"])
        self._take("stop")  # the server is gone: the next one goes on from the checkpoint

    def _take(self, wish: str) -> None:
        self._stops = self._stops or wish == "stop"
        (self._goes.clear if wish == "pause" else self._goes.set)()

    def should_stop(self) -> bool:
        """Waits while the run is to pause; then, whether it is to stop."""
        if not self._goes.is_set() and not self._stops:
            self._tell(event="paused")
            self._goes.wait()
            self._tell(event="running")
        return self._stops


class Preview:
    """Writes the picture on the way, as it would be kept, small and not too often."""

    def __init__(self, path: Path, finish: Callable[[Any], np.ndarray], tell: Callable[..., None]) -> None:
        self._path, self._finish, self._tell = path, finish, tell
        self._next = 0.0

    def __call__(self, progress: Any) -> None:
        """Sees a step."""
        began = time.monotonic()
        if began < self._next:
            return
        from PIL import Image

        picture = Image.fromarray(np.rint(self._finish(progress.state)).astype(np.uint8))
        picture.thumbnail((_PREVIEW_SIDE, _PREVIEW_SIDE))
        temporary = self._path.with_name(f".{self._path.name}")
        picture.save(temporary, "JPEG", quality=85)
        temporary.replace(self._path)
        self._tell(event="preview", step=progress.step)
        now = time.monotonic()
        self._next = now + max(_PREVIEW_PAUSE, (now - began) / _PREVIEW_SHARE)


def main() -> None:
    """Paints the task that comes first and tells how it goes on; what else comes are wishes."""
    channel = Channel()
    messages = channel.messages()
    task = next(messages, None)
    if task is None:
        return
    wishes = Wishes(messages, channel.send)
    try:
        with filelock.FileLock(Path(task["job"]["output"]).parent / ".lock", timeout=_OTHER_WORKER_SECONDS):
            optimize(task, wishes, channel.send)
    except InputError as error:
        channel.send(event="failed", message=str(error))


def optimize(task: dict[str, Any], wishes: Wishes, tell: Callable[..., None]) -> None:
    """Makes the picture of a task."""
    job, settings = job_of(task), recorded_settings(StyleTransferSettings, task["settings"])
    folder = job.output.parent
    import_tensorflow_quietly()
    from nst_keras.transfer.at_console import announce
    from nst_keras.transfer.descent import finished_image
    from nst_keras.transfer.job import OptimizedStylize

    trace = str(folder / TRACE_FILE)
    options = JobOptions(resume=task["resume"], checkpoint_every=_CHECKPOINT_EVERY, trace=trace)
    transfer = OptimizedStylize(settings)
    prepared = transfer.prepare(job, options)
    preview = Preview(
        folder / PREVIEW_FILE, lambda state: finished_image(state, prepared.pictures, settings), tell
    )

    def report(progress: Any) -> None:
        height, width = progress.state.image.shape[:2]
        tell(
            event="step",
            step=progress.step,
            num_steps=progress.num_steps,
            seconds_left=progress.seconds_left,
            losses=progress.values,
            width=width,
            height=height,
        )

    tell(event="running")
    announce(transfer, prepared, lambda text: tell(event="note", message=text))
    outcome = transfer.run(prepared, observers=[report, preview], should_stop=wishes.should_stop)
    tell(event="ended", finished=outcome.finished)


if __name__ == "__main__":
    main()
