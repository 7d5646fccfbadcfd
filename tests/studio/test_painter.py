"""The process that paints at once: there while somebody paints, and gone when nobody does."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from nst_keras.studio.workers import painter
from nst_keras.studio.workers.painter import InstantPainter
from nst_keras.web.errors import HttpError

Scene = Callable[[InstantPainter], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Scene, float], None]:
    monkeypatch.setattr(painter, "_WORKER", (str(Path(__file__).with_name("fake_painter.py")),))

    def run(scene: Scene, idle_seconds: float) -> None:
        async def play() -> None:
            instant = InstantPainter(tmp_path / "log.txt", idle_seconds)
            try:
                await scene(instant)
            finally:
                await instant.close()

        asyncio.run(asyncio.wait_for(play(), 60))

    return run


def test_it_is_kept_between_pictures_and_ends_when_idle(play: Callable[[Scene, float], None]) -> None:
    async def scene(instant: InstantPainter) -> None:
        first = await instant.paint({})
        assert await instant.paint({}) == first, "the same process"
        while instant._process is not None:
            await asyncio.sleep(0.05)
        assert await instant.paint({}) != first

    play(scene, 1.0)


def test_who_gives_up_loses_its_turn_and_harms_nobody(play: Callable[[Scene, float], None]) -> None:
    async def scene(instant: InstantPainter) -> None:
        process = await instant.paint({})
        tasks = [asyncio.ensure_future(instant.paint({})) for _ in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        assert {await task for task in tasks[1::2]} == {process}
        with pytest.raises(HttpError, match="too dull"):
            await instant.paint({"fails": True})
        assert await instant.paint({}) == process

    play(scene, 60)


def test_one_that_dies_is_told_of_and_started_again(play: Callable[[Scene, float], None]) -> None:
    async def scene(instant: InstantPainter) -> None:
        instant.wake()
        with pytest.raises(HttpError, match=r"ended; try a smaller size. It said: Killed") as told:
            await instant.paint({"dies": True})
        assert told.value.http_status == 500
        assert await instant.paint({})

    play(scene, 60)
