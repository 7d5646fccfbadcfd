"""Pictures that are made, were made or shall be made, each in a folder that tells all of it."""

import asyncio
import json
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from nst_keras.errors import InputError
from nst_keras.pictures.plan import checkpoint_path
from nst_keras.storage.files import write_whole
from nst_keras.studio.workers.tasks import PREVIEW_FILE, TRACE_FILE

WAITING, STARTING, RUNNING, PAUSED = "waiting", "starting", "running", "paused"
STOPPED, DONE, FAILED, LOST = "stopped", "done", "failed", "lost"
UNFINISHED = (WAITING, STARTING, RUNNING)  # those that a new server takes up again

_JOB_FILE = "job.json"
_MOST_POINTS = 200  # of a loss curve, about
# What is written at every change of the state; the curve is in the trace.
_KEPT = ("request", "task", "state", "step", "num_steps", "losses", "width", "height", "message", "created")


class Job:
    """One picture, and how far it is; all calls are of one event loop.

    Attributes:
        folder: Its own, whose name is the job's id.
        version: Grows with each change.
        preview_step: Step of the newest picture on the way.
        resumes: Whether it goes on from its checkpoint.
        is_halted: Whether its process waits where it is.
        is_deleted: Whether its files go.
        has_hung_up: Whether there is no more news of it from this server.
    """

    def __init__(
        self, folder: Path, request: Mapping[str, Any], task: Mapping[str, Any], **values: Any
    ) -> None:
        self.folder, self.request, self.task = folder, dict(request), dict(task)
        self.state: str = values.get("state", WAITING)
        self.step: int = values.get("step", 0)
        self.num_steps: int = values.get("num_steps", 0)
        self.losses: dict[str, float] = values.get("losses", {})
        self.width: int = values.get("width", 0)
        self.height: int = values.get("height", 0)
        self.message: str = values.get("message", "")
        self.created: float = values.get("created", time.time())
        self.seconds_left: float | None = None
        self.version, self.preview_step = 0, 0
        self.resumes = self.is_halted = self.is_deleted = self.has_hung_up = False
        self._watchers: set[asyncio.Event] = set()
        if self.state in (*UNFINISHED, PAUSED, LOST) and self.curve:  # a killed server noted no step
            self.step = int(self.curve[-1][0])

    @classmethod
    def read(cls, folder: Path) -> "Job | None":
        """The job of a folder; None if it has none that can be read."""
        try:
            values = json.loads((folder / _JOB_FILE).read_bytes())
            return cls(folder, **values)
        except (OSError, ValueError, TypeError):
            return None

    @property
    def id(self) -> str:
        """Its name."""
        return self.folder.name

    @cached_property
    def curve(self) -> list[list[float]]:
        """Steps and their losses in all."""
        return _traced(self.folder / TRACE_FILE)

    @property
    def output(self) -> Path:
        """Where its picture will be."""
        return Path(self.task["job"]["output"])

    @property
    def preview(self) -> Path:
        """Where the picture on the way is."""
        return self.folder / PREVIEW_FILE

    def pictures(self) -> set[str]:
        """Names of all that it is made of."""
        request = self.request
        names = {request["content"], *request["styles"], *request.get("style_masks", ())}
        return names | {request.get("content_mask", ""), str(request.get("settings", {}).get("init", ""))}

    def has_checkpoint(self) -> bool:
        """Whether it can go on from where it was."""
        return checkpoint_path(self.output).exists()

    def view(self, since: int | None = None) -> dict[str, Any]:
        """What the page is told; of the loss curve the points after a step, or if None all, but thinned."""
        curve = self.curve if since is None else [point for point in self.curve if point[0] > since]
        return {
            "id": self.id,
            "state": self.state,
            "request": self.request,
            "step": self.step,
            "num_steps": self.num_steps,
            "seconds_left": self.seconds_left,
            "losses": self.losses,
            "loss_curve": curve[:: 1 + len(curve) // _MOST_POINTS],
            "width": self.width,
            "height": self.height,
            "message": self.message,
            "result": self.id if self.state not in UNFINISHED and self.output.exists() else None,
            "can_go_on": self.state in (STOPPED, LOST) or (self.state == FAILED and self.has_checkpoint()),
            "created": self.created,
        }

    def see(self, message: Mapping[str, Any]) -> None:
        """Takes in what its worker says."""
        match message["event"]:
            case "step":
                for name in ("step", "num_steps", "seconds_left", "losses", "width", "height"):
                    setattr(self, name, message[name])
                if not self.curve or self.curve[-1][0] < self.step:
                    self.curve.append([self.step, self.losses.get("total", 0.0)])
                self.touch()
            case "preview":
                self.preview_step = message["step"]
                self.touch()
            case "note":
                self.message = message["message"]
                self.touch()
            case "running" | "paused" as state:
                self.is_halted = state == PAUSED
                self.change(state, self.message)
            case "failed":
                self.change(FAILED, message["message"])
            case "ended":
                self.change(DONE if message["finished"] else STOPPED)

    def change(self, state: str, message: str = "") -> None:
        """Goes over to another state, and notes it in the folder, unless that is full or gone."""
        self.state, self.message = state, message
        if state not in (RUNNING, PAUSED):
            self.seconds_left = None
        try:
            self.keep()
        except InputError as error:
            self.message = message or str(error)
        self.touch()

    def keep(self) -> None:
        """Writes what is known of it."""
        values = {name: getattr(self, name) for name in _KEPT}
        write_whole(self.folder / _JOB_FILE, json.dumps(values).encode())

    def touch(self) -> None:
        """Tells those who watch that something is new."""
        self.version += 1
        for watcher in self._watchers:
            watcher.set()

    def hang_up(self) -> None:
        """Ends its streams of news."""
        self.has_hung_up = True
        self.touch()

    async def changed(self, version: int, seconds: float) -> bool:
        """Waits until there is another version, at most so long; tells if there is."""
        if self.version != version:
            return True
        watcher = asyncio.Event()
        self._watchers.add(watcher)
        try:
            await asyncio.wait_for(watcher.wait(), seconds)
        except TimeoutError:
            return False
        finally:
            self._watchers.discard(watcher)
        return True


def _traced(path: Path) -> list[list[float]]:
    """The loss curve of a trace, as far as it is whole."""
    curve = []
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            values = json.loads(line)
            curve.append([values["step"], values["losses"]["total"]])
    except (OSError, ValueError, KeyError, TypeError, InputError):
        return curve
    return curve
