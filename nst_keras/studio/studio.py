"""What the page may ask for, over the same jobs as the command line's; loads no TensorFlow."""

import asyncio
import contextlib
import io
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from nst_keras.errors import InputError, require_choice
from nst_keras.pictures.by_name import PictureReader
from nst_keras.pictures.images import MAX_PIXELS, read_settings
from nst_keras.pictures.masks import job_regions
from nst_keras.pictures.plan import check_job
from nst_keras.storage.files import open_file
from nst_keras.storage.folders import make_folder
from nst_keras.studio.about import about
from nst_keras.studio.answers import Answer, Request, json_answer
from nst_keras.studio.commands import commands
from nst_keras.studio.jobs.events import KIND as EVENTS
from nst_keras.studio.jobs.events import events
from nst_keras.studio.jobs.job import DONE, Job
from nst_keras.studio.jobs.queue import WORKER, JobQueue
from nst_keras.studio.pictures import (
    LARGEST_SIDE,
    PictureStore,
    file_of_sample,
    is_id,
    is_sample,
    new_id,
    shown,
)
from nst_keras.studio.requested import FAST, OPTIMIZE, Planned, as_today, plan, request_of
from nst_keras.studio.results import KINDS, download_headers, in_format
from nst_keras.studio.settings import StudioSettings
from nst_keras.studio.workers.features import LAYERS, MOST_PICTURES
from nst_keras.studio.workers.painter import InstantPainter
from nst_keras.studio.workers.tasks import task_of
from nst_keras.stylizers.by_name import known_styles
from nst_keras.web.errors import HttpError

_TIDY_SECONDS = 3600.0


class Studio:
    """Pictures, jobs and results in one folder, and the processes that paint.

    Its methods answer the page's requests; all are of one event loop.
    """

    def __init__(self, settings: StudioSettings, worker: Sequence[str] = WORKER) -> None:
        self.settings = settings
        self._folder = make_folder(Path(settings.folder).resolve(), "folder")
        self._pictures = PictureStore(self._folder / "pictures", settings.max_pixels)
        self._styles = make_folder(self._folder / "styles", "folder")
        self._fresh = make_folder(self._folder / "fresh", "folder")
        for leftover in self._fresh.iterdir():
            leftover.unlink()
        self._jobs = JobQueue(self._folder / "jobs", settings.queue, worker)
        self._painter = InstantPainter(self._folder / "painting.log", 60 * settings.idle_minutes)

        self._loop: asyncio.AbstractEventLoop | None = None  # before it is opened

    async def open(self) -> None:
        """Goes on with what a server before left."""
        self._loop = asyncio.get_running_loop()
        self._jobs.open()
        for job in self._jobs.all():
            job.request = as_today(job.request, job.task["settings"])
        self._tidying = asyncio.ensure_future(self._keep_tidy())

    async def _keep_tidy(self) -> None:
        """Removes the pictures that nobody wants any more, now and each hour."""
        while True:
            needed = {name for job in self._jobs.all() for name in job.pictures()}
            seconds, most_bytes = 86400 * self.settings.keep_days, self.settings.keep_mb << 20
            with contextlib.suppress(OSError):
                await asyncio.to_thread(self._pictures.forget, needed, seconds, most_bytes)
            await asyncio.sleep(_TIDY_SECONDS)

    def hang_up(self) -> None:
        """Ends the streams of news; may be called from another thread."""
        if self._loop:
            self._loop.call_soon_threadsafe(self._jobs.hang_up)

    async def close(self) -> None:
        """Ends all processes."""
        self._tidying.cancel()
        await asyncio.gather(self._painter.close(), self._jobs.close())

    def in_words(self, problem: object) -> str:
        """A message with the names of files alone: whoever looks at the page doesn't know our folders."""
        return re.sub(rf"{re.escape(str(self._folder))}/(?:[^\s:]*/)?", "", str(problem))

    async def about(self, request: Request) -> Answer:
        """GET /api/about; meanwhile TensorFlow is loaded for what will be painted."""
        self._painter.wake()
        return json_answer(await asyncio.to_thread(about, self.settings))

    @contextlib.contextmanager
    def new_file(self, suffix: str = "") -> Iterator[Path]:
        """A path for a file that comes in or is shown once; it goes again unless it was moved."""
        path = self._fresh / f"{new_id()}{suffix}"
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    async def add_picture(self, request: Request) -> Answer:
        """PUT /api/pictures?name=FILE."""
        return json_answer(await asyncio.to_thread(self._add_picture, request))

    def _add_picture(self, request: Request) -> dict[str, Any]:
        added = self._pictures.add(request.query.get("name", ""), request.upload)
        wish, problem = None, ""
        path = self._pictures.path(str(added["id"]))
        if path:
            try:
                record = read_settings(path)
            except InputError:
                record = {}
            if record:
                wish, problem = request_of(
                    record, lambda name: self._pictures.newest_named(name) or self._jobs.newest_named(name)
                )
        return {**added, "request": wish, "recipe_problem": problem or None}

    async def hold_pictures(self, request: Request) -> Answer:
        """POST /api/pictures {"names"}, which a page may still want: those "gone", others' "files"."""
        names = request.json().get("names")
        if not isinstance(names, list):
            raise HttpError(400, "names must be a list")
        found = {name: self._find(name) for name in map(str, names) if is_id(name)}
        files = {name: path.name for name, path in found.items() if path}
        return json_answer({"gone": [name for name in found if name not in files], "files": files})

    async def show_picture(self, request: Request, name: str) -> Answer:
        """GET /api/pictures/NAME?side=N, or ?original for a file as it was brought."""
        if "original" in request.query and not is_sample(name):
            path = self._path(name, "picture")
            data = await asyncio.to_thread(path.read_bytes)
            return Answer(data, "application/octet-stream", headers=download_headers(path, path.suffix))
        side = request.whole_number("side", LARGEST_SIDE)
        if name in known_styles():
            path = await self._style_card(name)
        else:
            path = Path() if is_sample(name) else self._path(name, "picture")
        file = io.BytesIO(file_of_sample(name)) if is_sample(name) else open_file(path)
        with file:
            picture = await asyncio.to_thread(shown, file, name, side, self.settings.max_pixels)
        return Answer(picture.data, picture.kind)

    async def paint(self, request: Request) -> Answer:
        """POST /api/paint."""
        wish = request.json()
        side = wish.get("side")
        if wish.get("way", FAST) != FAST:
            raise HttpError(400, "way: only a stylizer paints at once; the optimiser's pictures are jobs")
        if side is not None:
            settings = wish.get("settings")
            quick = {"passes": 1} | (settings if isinstance(settings, dict) else {})
            wish["settings"] = quick | {"size": side}
            return await self._paint_once(wish)
        planned = self._planned(wish)
        with self._new_folder(planned) as folder:
            await asyncio.to_thread(check_job, planned.job)
            seconds = await self._painter.paint(task_of(planned))
            data = await asyncio.to_thread(planned.job.output.read_bytes)
            job = Job(folder, planned.request(), task_of(planned), state=DONE, **_sides(data))
            self._jobs.add(job)
        return Answer(data, "image/png", headers={"X-Seconds": f"{seconds:.3f}", "X-Result": job.id})

    async def _paint_once(self, wish: Mapping[str, Any]) -> Answer:
        """A picture that nothing is kept of."""
        with self.new_file(".png") as output:
            seconds = await self._painter.paint(task_of(plan(wish, self._resolve, str(output))))
            data = await asyncio.to_thread(output.read_bytes)
        return Answer(data, "image/png", headers={"X-Seconds": f"{seconds:.3f}"})

    async def show_features(self, request: Request) -> Answer:
        """POST /api/learn/features: what a layer makes of {"pictures": [photo, ...], "layer"}."""
        wish = request.json()
        names, layer = wish.get("pictures"), wish.get("layer")
        require_choice("layer", str(layer), LAYERS)
        if not isinstance(names, list) or not 1 <= len(names) <= MOST_PICTURES:
            raise HttpError(400, f"pictures must be a list of at most {MOST_PICTURES} names")
        paths = [self._resolve(str(name), "picture") for name in names]
        with self.new_file(".json") as output:
            await self._painter.paint({"layer": layer, "pictures": paths, "output": str(output)})
            return Answer(await asyncio.to_thread(output.read_bytes))

    async def add_job(self, request: Request) -> Answer:
        """POST /api/jobs."""
        return json_answer(self._view(await self._add_job(request.json())), 202)

    async def _add_job(self, wish: Mapping[str, Any]) -> Job:
        planned = self._planned({"way": OPTIMIZE, **wish})
        if planned.wish.way != OPTIMIZE:
            raise HttpError(400, "way: a stylizer's pictures are painted at once, without a job")
        with self._new_folder(planned) as folder:
            await asyncio.to_thread(check_job, planned.job)
            if not planned.job.content_mask:  # else the worker looks at it, and at large photos, too
                job_regions(planned.job, PictureReader())
            return self._jobs.add(Job(folder, planned.request(), task_of(planned)))

    async def list_jobs(self, request: Request) -> Answer:
        """GET /api/jobs."""
        return json_answer([self._view(job) for job in self._jobs.all()])

    async def watch_job(self, request: Request, name: str) -> Answer:
        """GET /api/jobs/ID/events."""
        last_id = request.headers.get("last-event-id", "")
        return Answer(events(self._jobs.get(name), last_id, self._view), EVENTS)

    async def preview_job(self, request: Request, name: str) -> Answer:
        """GET /api/jobs/ID/preview."""
        try:
            return Answer(self._jobs.get(name).preview.read_bytes(), "image/jpeg")
        except FileNotFoundError as error:
            raise HttpError(404, "there is no picture on the way yet") from error

    async def change_job(self, request: Request, name: str, wish: str) -> Answer:
        """POST /api/jobs/ID/pause, stop or go_on."""
        job = self._jobs.get(name)
        size = request.json().get("size") if request.body else None
        if wish == "go_on" and size is not None:
            larger = {"init": job.id, "size": size, "coarse_steps": 0}
            settings = {**job.request["settings"], **larger}
            return json_answer(self._view(await self._add_job({**job.request, "settings": settings})), 202)
        await {"pause": self._jobs.pause, "stop": self._jobs.stop, "go_on": self._jobs.go_on}[wish](job)
        return json_answer(self._view(job))

    async def delete_job(self, request: Request, name: str) -> Answer:
        """DELETE /api/jobs/ID."""
        await self._jobs.delete(self._jobs.get(name))
        return Answer(b"", status=204)

    async def result(self, request: Request, name: str) -> Answer:
        """GET /api/results/ID?suffix=.png or ?side=N."""
        side, suffix = request.whole_number("side", LARGEST_SIDE), request.query.get("suffix", ".png")
        require_choice("suffix", suffix, KINDS)
        output = self._jobs.get(name).output
        if not output.exists():
            raise HttpError(404, "there is no picture yet")
        if side is not None:
            with open_file(output) as file:
                small = await asyncio.to_thread(shown, file, output.name, side, MAX_PIXELS)
            return Answer(small.data, small.kind)
        data = await asyncio.to_thread(output.read_bytes)
        data = await asyncio.to_thread(in_format, data, suffix)
        return Answer(data, KINDS[suffix], headers=download_headers(output, suffix))

    async def command(self, request: Request) -> Answer:
        """POST /api/command."""
        return json_answer(commands(self._planned(request.json())))

    def _view(self, job: Job, since: int | None = None) -> dict[str, Any]:
        view = job.view(since)
        return {**view, "message": self.in_words(view["message"])}

    def _planned(self, wish: Mapping[str, Any]) -> Planned:
        """A request's plan, with a folder of its own for the picture, which is still to be made."""
        return plan(wish, self._resolve, f"{self._jobs.folder_for(new_id())}/")

    @contextlib.contextmanager
    def _new_folder(self, planned: Planned) -> Iterator[Path]:
        """Makes the folder of a plan, which goes again if the block fails."""
        folder = make_folder(planned.job.output.parent, "folder")
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    async def _style_card(self, name: str) -> Path:
        """What a style makes of a sample photo; painted once."""
        path = self._styles / f"{name}.png"
        if not path.exists():
            wish = {"content": "sample:flower", "styles": [name], "settings": {"size": 256}}
            await self._painter.paint(task_of(plan(wish, self._resolve, str(path))))
        return path

    def _resolve(self, name: str, role: str) -> str:
        return name if is_sample(name) else str(self._path(name, role))

    def _find(self, name: str) -> Path | None:
        return self._pictures.path(name) or self._jobs.picture(name)

    def _path(self, name: str, role: str) -> Path:
        path = self._find(name)
        if path is None:
            raise HttpError(404, f"{role}: {name[:80]} isn't here; bring the picture again")
        return path


def _sides(data: bytes) -> dict[str, int]:
    with Image.open(io.BytesIO(data)) as image:
        return {"width": image.width, "height": image.height}
