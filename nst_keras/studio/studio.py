"""What the page may ask for, over the same jobs as the command line's; loads no TensorFlow."""

import asyncio
import re
import secrets
from pathlib import Path
from typing import Any

from nst_keras.errors import InputError
from nst_keras.pictures.images import read_settings
from nst_keras.pictures.plan import check_job
from nst_keras.storage.folders import make_folder
from nst_keras.studio.about import about
from nst_keras.studio.answers import Answer, Request, json_answer
from nst_keras.studio.painting import InstantPainter
from nst_keras.studio.pictures import (
    LARGEST_SIDE,
    PictureStore,
    file_of_sample,
    is_sample,
    shown,
)
from nst_keras.studio.requested import FAST, plan, request_of
from nst_keras.studio.settings import StudioSettings
from nst_keras.studio.tasks import task_of
from nst_keras.stylizers.architecture import known_styles
from nst_keras.web.errors import HttpError

_LEAST_CARD = 64  # side of a style's picture


class Studio:
    """Pictures, jobs and results in one folder, and the processes that paint.

    Its methods answer the page's requests; all are of one event loop.
    """

    def __init__(self, settings: StudioSettings) -> None:
        self.settings = settings
        self._folder = make_folder(Path(settings.folder).resolve(), "folder")
        self._pictures = PictureStore(self._folder / "pictures", settings.max_pixels)
        self._styles = make_folder(self._folder / "styles", "folder")
        self._fresh = make_folder(self._folder / "fresh", "folder")
        self._painter = InstantPainter(self._folder / "painting.log", 60 * settings.idle_minutes)

    async def open(self) -> None:
        """Goes on with what a server before left."""

    async def close(self) -> None:
        """Ends all processes."""
        await self._painter.close()

    def in_words(self, problem: object) -> str:
        """A message with the names of files alone: whoever looks at the page doesn't know our folders."""
        return re.sub(rf"{re.escape(str(self._folder))}/(?:[^\s:]*/)?", "", str(problem))

    async def about(self, request: Request) -> Answer:
        """GET /api/about."""
        return json_answer(await asyncio.to_thread(about, self.settings))

    async def add_picture(self, request: Request) -> Answer:
        """PUT /api/pictures?name=FILE."""
        return json_answer(await asyncio.to_thread(self._add_picture, request))

    def _add_picture(self, request: Request) -> dict[str, Any]:
        added = self._pictures.add(request.query.get("name", ""), request.body)
        wish, problem = None, ""
        path = self._pictures.path(str(added["id"]))
        if path:
            try:
                record = read_settings(path)
            except InputError:
                record = {}
            if record:
                wish, problem = request_of(record, self._pictures.newest_named)
        return {**added, "request": wish, "recipe_problem": problem or None}

    async def show_picture(self, request: Request, name: str) -> Answer:
        """GET /api/pictures/NAME?side=N."""
        side = request.whole_number("side", LARGEST_SIDE)
        if name in known_styles():
            path = await self._style_card(name)
            data = await asyncio.to_thread(path.read_bytes)
        elif is_sample(name):
            data = file_of_sample(name)
        else:
            data = await asyncio.to_thread(self._path(name, "picture").read_bytes)
        picture = await asyncio.to_thread(shown, data, name, side, self.settings.max_pixels)
        return Answer(picture.data, picture.kind)

    async def paint(self, request: Request) -> Answer:
        """POST /api/paint."""
        wish = request.json()
        side = wish.get("side")
        if wish.get("way", FAST) != FAST:
            raise HttpError(400, "way: only a stylizer paints at once; the optimiser's pictures are jobs")
        if side is not None:
            wish["settings"] = {**wish.get("settings", {}), "size": side}
        output = self._fresh / f"{secrets.token_hex(16)}.png"
        planned = plan(wish, self._resolve, str(output))
        await asyncio.to_thread(check_job, planned.job)
        try:
            seconds = await self._painter.paint(task_of(planned))
            data = await asyncio.to_thread(output.read_bytes)
        finally:
            output.unlink(missing_ok=True)
        return Answer(data, "image/png", headers={"X-Seconds": f"{seconds:.3f}"})

    async def _style_card(self, name: str) -> Path:
        """What a style makes of a sample photo; painted once."""
        path = self._styles / f"{name}.png"
        if not path.exists():
            wish = {"content": "sample:flower", "styles": [name], "settings": {"size": 256}}
            await self._painter.paint(task_of(plan(wish, self._resolve, str(path))))
        return path

    def _resolve(self, name: str, role: str) -> str:
        return name if is_sample(name) else str(self._path(name, role))

    def _path(self, name: str, role: str) -> Path:
        path = self._pictures.path(name)
        if path is None:
            raise HttpError(404, f"{role}: {name[:80]} isn't here; bring the picture again")
        return path
