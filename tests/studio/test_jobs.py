"""Jobs: their queue, their news, and what is left of them when something dies."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from nst_keras.errors import InputError

from .conftest import Client, Run

REQUEST = {"content": "sample:china", "styles": ["sample:ink"]}
LONG = 100_000


def _request(steps: int, seed: int = 0, **more: Any) -> dict[str, Any]:
    return {**REQUEST, "settings": {"num_steps": steps, "seed": seed, "size": 64}, **more}


async def _start(client: Client, steps: int, seed: int = 0) -> str:
    reply = await client("POST", "/api/jobs", _request(steps, seed))
    assert reply.status == 202, reply.body
    return reply.json["id"]


async def _job(client: Client, name: str) -> dict[str, Any]:
    return next(job for job in (await client("GET", "/api/jobs")).json if job["id"] == name)


async def _until(client: Client, name: str, *states: str) -> dict[str, Any]:
    async for kind, _, data in _news(client, name):
        if kind == "job" and data["state"] in states:
            return data
    raise AssertionError("the stream has ended")


async def _news(client: Client, name: str, last_id: str = "") -> AsyncIterator[tuple[str, str, Any]]:
    """Kinds, ids and data of events."""
    messages = client.messages("GET", f"/api/jobs/{name}/events", last_event_id=last_id)
    async with contextlib.aclosing(messages):
        async for message in messages:
            text = message.get("body", b"").decode()
            lines = dict(line.split(": ", 1) for line in text.splitlines() if line)
            if "data" in lines:
                yield lines["event"], lines["id"], json.loads(lines["data"])


def test_a_job_runs_to_its_end_and_tells_how_far_it_is(visit: Run) -> None:
    async def scene(client: Client) -> None:
        name = await _start(client, 5)
        states, points, previews = [], [], 0
        async with contextlib.aclosing(_news(client, name)) as news:
            async for kind, _, data in news:
                if kind == "preview":
                    previews += 1
                    continue
                states += [data["state"]] if data["state"] not in states else []
                points += data["loss_curve"]
                if data["state"] == "done":
                    break
        assert states[-2:] == ["running", "done"]
        assert points == [[step, 1 / step] for step in range(1, 6)]
        assert previews
        assert (await client("GET", f"/api/jobs/{name}/preview")).body == b"picture 5"
        job = await _job(client, name)
        assert (job["step"], job["num_steps"], job["width"], job["result"]) == (5, 5, 40, name)
        assert job["request"]["settings"] == {"num_steps": 5, "seed": 0, "size": 64}
        result = await client("GET", f"/api/results/{name}")
        assert result.body == b"done from 0"
        assert "china_ink.png" in result.headers["content-disposition"]

    visit(scene)


def test_a_page_that_comes_back_hears_only_what_is_new(visit: Run) -> None:
    async def scene(client: Client) -> None:
        name = await _start(client, LONG)
        heard: list[list[float]] = []
        last_id = ""
        for _ in range(3):
            async with contextlib.aclosing(_news(client, name, last_id)) as news:
                count = 0
                async for kind, name_of_event, data in news:
                    last_id = name_of_event
                    if kind == "job" and data["loss_curve"]:
                        heard += data["loss_curve"]
                        count += 1
                    if count == 3:
                        break
        assert [step for step, _ in heard] == list(range(1, len(heard) + 1))
        assert len(heard) >= 9
        await client("DELETE", f"/api/jobs/{name}")

    visit(scene)


def test_one_job_works_and_those_past_the_queue_are_refused(visit: Run) -> None:
    async def scene(client: Client) -> None:
        first = await _start(client, LONG)
        waiting = [await _start(client, 1), await _start(client, 1)]
        refused = await client("POST", "/api/jobs", _request(1))
        assert refused.status == 429
        assert "waiting" in refused.json["error"]
        await _until(client, first, "running")
        assert [(await _job(client, name))["state"] for name in waiting] == ["waiting"] * 2
        assert (await client("POST", f"/api/jobs/{waiting[0]}/stop")).json["state"] == "stopped"
        assert (await client("DELETE", f"/api/jobs/{first}")).status == 204
        await _until(client, waiting[1], "done")
        assert [job["id"] for job in (await client("GET", "/api/jobs")).json] == waiting[::-1]

    visit(scene)


def test_pause_stop_and_go_on(visit: Run) -> None:
    async def scene(client: Client) -> None:
        name = await _start(client, LONG)
        await _until(client, name, "running")
        assert (await client("POST", f"/api/jobs/{name}/go_on")).status == 409
        await client("POST", f"/api/jobs/{name}/pause")
        paused = await _until(client, name, "paused")
        other = await _start(client, 1)
        await _until(client, other, "done")
        assert (await _job(client, name))["step"] == paused["step"]
        await client("POST", f"/api/jobs/{name}/go_on")
        await _until(client, name, "running")
        await client("POST", f"/api/jobs/{name}/stop")
        stopped = await _until(client, name, "stopped")
        assert stopped["can_go_on"]
        assert (await client("GET", f"/api/results/{name}")).body == b"so far"
        assert (await client("POST", f"/api/jobs/{name}/pause")).status == 409
        await client("POST", f"/api/jobs/{name}/go_on")
        again = await _until(client, name, "running")
        assert again["step"] >= stopped["step"]
        await client("POST", f"/api/jobs/{name}/stop")
        await _until(client, name, "stopped")

    visit(scene)


def test_a_job_that_is_stopped_while_it_starts_again_keeps_its_picture(visit: Run) -> None:
    async def scene(client: Client) -> None:
        name = await _start(client, LONG)
        await _until(client, name, "running")
        processes = client.studio._jobs._processes
        processes[name].kill()
        await _until(client, name, "lost")
        await client("POST", f"/api/jobs/{name}/go_on")
        while name not in processes:
            await asyncio.sleep(0)
        assert (await _job(client, name))["state"] == "starting"
        await client("POST", f"/api/jobs/{name}/stop")
        assert (await _until(client, name, "stopped"))["can_go_on"]
        assert (await client("GET", f"/api/results/{name}")).body == b"so far"

    visit(scene)


def test_a_paused_job_goes_on_when_it_is_its_turn(visit: Run) -> None:
    async def scene(client: Client) -> None:
        first = await _start(client, LONG)
        await _until(client, first, "running")
        await client("POST", f"/api/jobs/{first}/pause")
        paused = await _until(client, first, "paused")
        second = await _start(client, LONG)
        await _until(client, second, "running")
        for wish in ("go_on", "pause", "go_on"):
            told = (await client("POST", f"/api/jobs/{first}/{wish}")).json
            assert told["state"] == ("waiting" if wish == "go_on" else "paused")
        await asyncio.sleep(0.2)
        states = [(await _job(client, name))["state"] for name in (first, second)]
        assert states == ["waiting", "running"]
        assert (await _job(client, first))["step"] == paused["step"]
        await client("POST", f"/api/jobs/{second}/stop")
        await _until(client, second, "stopped")
        process = client.studio._jobs._processes[first]
        assert (await _until(client, first, "running"))["step"] >= paused["step"]
        assert client.studio._jobs._processes[first] is process, "it was only halted"

    visit(scene)


def test_a_halted_job_that_waits_can_be_stopped_and_killed(visit: Run) -> None:
    async def scene(client: Client) -> None:
        names = []
        for _ in range(2):
            names.append(await _start(client, LONG))
            await _until(client, names[-1], "running")
            await client("POST", f"/api/jobs/{names[-1]}/pause")
            await _until(client, names[-1], "paused")
        first, second = names
        await client("POST", f"/api/jobs/{first}/go_on")
        assert (await client("POST", f"/api/jobs/{second}/go_on")).json["state"] == "waiting"
        client.studio._jobs._processes[second].kill()
        await client.studio._jobs._processes[second].wait()
        await client("POST", f"/api/jobs/{first}/pause")
        await _until(client, second, "running")  # from its checkpoint
        await client("POST", f"/api/jobs/{first}/go_on")
        await client("POST", f"/api/jobs/{first}/stop")
        await _until(client, first, "stopped")
        assert (await client("GET", f"/api/results/{first}")).body == b"so far"

    visit(scene)


def test_a_result_goes_on_larger_as_a_job_of_its_own(visit: Run) -> None:
    async def scene(client: Client) -> None:
        name = await _start(client, 2)
        await _until(client, name, "done")
        wrong = await client("POST", f"/api/jobs/{name}/go_on", {"size": "large"})
        assert (wrong.status, "size" in wrong.json["error"]) == (400, True)
        larger = (await client("POST", f"/api/jobs/{name}/go_on", {"size": 128})).json
        wanted = {"init": name, "size": 128, "coarse_steps": 0, "num_steps": 2, "seed": 0}
        assert larger["request"]["settings"] == wanted
        await _until(client, larger["id"], "done")
        told = await client("GET", f"/api/results/{larger['id']}")
        assert "china_ink_128.png" in told.headers["content-disposition"], "beside the one it began with"
        command = (await client("POST", "/api/command", larger["request"])).json["command"]
        assert "--init=china_ink.png" in command and "--output=china_ink_128.png" in command

    visit(scene)


def test_a_killed_worker_is_lost_and_goes_on_from_its_checkpoint(visit: Run) -> None:
    async def scene(client: Client) -> None:
        name = await _start(client, 8, seed=4)
        lost = await _until(client, name, "lost")
        assert lost["can_go_on"]
        assert "signal 9" in lost["message"]
        await client("POST", f"/api/jobs/{name}/go_on")
        await _until(client, name, "done")
        assert (await client("GET", f"/api/results/{name}")).body == b"done from 3"
        assert [step for step, _ in (await _job(client, name))["loss_curve"]] == list(range(1, 9))

    visit(scene)


@pytest.mark.parametrize("seed,reason", [(1, "sample:china: is too dull"), (2, "RuntimeError: no such luck")])
def test_a_job_that_fails_says_why(seed: int, reason: str, visit: Run) -> None:
    async def scene(client: Client) -> None:
        name = await _start(client, 5, seed)
        failed = await _until(client, name, "failed")
        assert failed["message"] == reason
        assert not failed["can_go_on"]
        assert (await client("GET", f"/api/results/{name}")).status == 404

    visit(scene)


def test_jobs_go_on_where_nothing_can_be_noted(visit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise InputError("no space left on device")

    async def scene(client: Client) -> None:
        name = await _start(client, 3)
        monkeypatch.setattr("nst_keras.studio.jobs.job.write_whole", full)
        done = await _until(client, name, "done")
        assert "no space left" in done["message"]
        reply = await client("POST", "/api/jobs", _request(1))
        assert (reply.status, "no space left" in reply.json["error"]) == (400, True)
        assert len((await client("GET", "/api/jobs")).json) == 1

    visit(scene)


def test_a_job_that_does_not_listen_is_killed(visit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nst_keras.studio.jobs.queue._PATIENCE", 0.2)

    async def scene(client: Client) -> Path:
        name = await _start(client, LONG, seed=3)
        await _until(client, name, "running")
        folder = Path(client.studio._jobs.get(name).folder)
        assert (await client("DELETE", f"/api/jobs/{name}")).status == 204
        assert (await client("GET", f"/api/jobs/{name}/events")).status == 404
        return folder

    assert not visit(scene).exists()


def test_the_next_server_goes_on_with_all_jobs(visit: Run) -> None:
    async def first(client: Client) -> list[str]:
        done = await _start(client, 1)
        await _until(client, done, "done")
        paused = await _start(client, LONG)
        await _until(client, paused, "running")
        await client("POST", f"/api/jobs/{paused}/pause")
        await _until(client, paused, "paused")
        running = await _start(client, 30)
        async for kind, _, data in _news(client, running):
            if kind == "job" and data["step"] >= 2:
                break
        return [done, paused, running, await _start(client, 2)]

    async def second(client: Client) -> None:
        jobs = {job["id"]: job for job in (await client("GET", "/api/jobs")).json}
        assert list(jobs) == names[::-1]
        assert jobs[names[0]]["state"] == "done"
        assert (jobs[names[1]]["state"], jobs[names[1]]["result"]) == ("paused", names[1])
        assert (await client("GET", f"/api/results/{names[0]}")).body == b"done from 0"
        for name in names[2:]:
            await _until(client, name, "done")
        assert (await client("GET", f"/api/results/{names[2]}")).body != b"done from 0"
        await client("POST", f"/api/jobs/{names[1]}/go_on")
        await _until(client, names[1], "running")

    names = visit(first)
    visit(second)


def test_a_job_whose_server_was_killed_goes_on(visit: Run, tmp_path: Path) -> None:
    async def first(client: Client) -> str:
        name = await _start(client, 8, seed=4)
        await _until(client, name, "lost")
        file = tmp_path / "studio" / "jobs" / name / "job.json"
        file.write_text(file.read_text().replace('"lost"', '"running"'))  # as a killed server leaves it
        (tmp_path / "studio" / "jobs" / ("0" * 32)).mkdir()  # and this, in which it had written nothing yet
        return name

    async def second(client: Client) -> None:
        await _until(client, name, "done")
        assert (await client("GET", f"/api/results/{name}")).body == b"done from 3"

    name = visit(first)
    visit(second)


BAD = {
    "no photo": ({"styles": ["sample:ink"]}, "choose a photo and a style"),
    "no such photo": ({**REQUEST, "content": "0" * 32}, "bring the picture again"),
    "a path": ({**REQUEST, "content": "/etc/passwd"}, "bring the picture again"),
    "no such sample": ({**REQUEST, "styles": ["sample:../../x"]}, "bring the picture again"),
    "a style that needs a stylizer": ({**REQUEST, "styles": ["starry_night"]}, "choose the way fast"),
    "a stylizer's way": ({**REQUEST, "way": "fast"}, "painted at once"),
    "another way": ({**REQUEST, "way": "slow"}, "way must be one of"),
    "a preset that isn't there": ({**REQUEST, "preset": "x"}, "preset must be one of"),
    "a value out of range": (_request(-1), "num_steps must be a whole number, at least 1"),
    "a picture for a wall": ({**REQUEST, "settings": {"size": 10**6}}, "size must be at most 8192"),
    "a setting that isn't there": ({**REQUEST, "settings": {"sise": 1}}, "Did you mean size?"),
    "settings that are none": ({**REQUEST, "settings": [1]}, "settings must be an object"),
    "two weights for a style": ({**REQUEST, "style_weights": [1, 2]}, "style_weights must have one weight"),
    "a weight that is none": ({**REQUEST, "style_weights": ["x"]}, "style_weights must be"),
    "a photo that is a number": ({**REQUEST, "content": 3}, "content must be text"),
    "a field that isn't there": ({**REQUEST, "output": "/tmp/x"}, "output must be a field"),
    "a start that is a path": ({**REQUEST, "settings": {"init": "/etc/passwd"}}, "bring the picture again"),
    "a mask that isn't there": ({**REQUEST, "content_mask": "x"}, "bring the picture again"),
    "a mask of a painting alone": ({**REQUEST, "style_masks": ["red"]}, "style_mask needs a content_mask"),
}


def test_bad_requests_are_refused_in_a_sentence_and_leave_nothing(visit: Run, tmp_path: Path) -> None:
    async def scene(client: Client) -> None:
        for what, (request, reason) in BAD.items():
            reply = await client("POST", "/api/jobs", request)
            assert 400 <= reply.status < 500, what
            assert reason in reply.json["error"], what
        for path in ("events", "preview", "stop", "pause", "go_on"):
            method = "GET" if path in ("events", "preview") else "POST"
            assert (await client(method, f"/api/jobs/{'0' * 32}/{path}")).status == 404
        assert (await client("DELETE", "/api/jobs/x")).status == 404

    visit(scene)
    assert not list((tmp_path / "studio" / "jobs").iterdir())


def test_workers_end_with_their_server(visit: Run) -> None:
    async def scene(client: Client) -> int:
        name = await _start(client, LONG)
        await _until(client, name, "running")
        return client.studio._jobs._processes[name].pid

    with pytest.raises(ProcessLookupError):
        os.kill(visit(scene), signal.SIGCONT)


def test_news_end_when_the_server_ends(visit: Run) -> None:
    async def scene(client: Client) -> None:
        name = await _start(client, LONG)
        async for kind, _, _ in _news(client, name):
            if kind == "preview":
                client.studio.hang_up()

    visit(scene)


def test_a_page_that_leaves_leaves_nothing_behind(visit: Run) -> None:
    async def scene(client: Client) -> None:
        name = await _start(client, LONG)
        for _ in range(20):
            async with contextlib.aclosing(_news(client, name)) as news:
                await anext(news)
        job = client.studio._jobs.get(name)
        while job._watchers:  # the visit ends in a minute
            await asyncio.sleep(0.01)

    visit(scene)
