"""Pictures of the studio are those of the command line: byte for byte, in every format."""

import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nst_keras.cli import stylize
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.pictures.images import read_image, write_image
from nst_keras.studio.requested import as_today
from nst_keras.studio.workers import optimize
from nst_keras.studio.workers.paint import painting
from nst_keras.stylizers.settings import FastSettings
from nst_keras.transfer import job as transfer_job
from nst_keras.transfer.presets import PRESETS

from .conftest import Client, Run, picture

RunMain = Callable[..., subprocess.CompletedProcess[str]]
SHALLOW = {
    "size": 48,
    "num_steps": 3,
    "coarse_steps": 2,
    "coarsest_size": 24,
    "content_layers": {"relu2_1": 1.0},
    "style_layers": {"relu1_1": 0.3, "relu2_1": 1 / 3},
}
EXIF_PHOTO = {"kind": "JPEG", "exif": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x0f\x01\x02\0\x04\0\0\0Abc\0\0\0\0\0"}


class Painter:
    """Paints in this process."""

    def __init__(self) -> None:
        self._paint = painting()

    async def paint(self, task: dict[str, Any]) -> float:
        if task:
            self._paint(task)
        return 0.0

    def wake(self) -> None:
        return

    async def close(self) -> None:
        return


async def _bring(client: Client, name: str, data: bytes) -> str:
    reply = await client("PUT", f"/api/pictures?name={name}", data)
    assert reply.status == 200, reply.body
    return reply.json["id"]


def test_a_picture_painted_at_once_is_that_of_its_command(
    visit: Run, tmp_path: Path, run_main: RunMain
) -> None:
    files = {"photo 1.jpg": picture(90, 60, **EXIF_PHOTO)}
    pictures: dict[str, bytes] = {}

    async def scene(client: Client) -> list[str]:
        client.studio._painter = Painter()
        photo = await _bring(client, "photo%201.jpg", files["photo 1.jpg"])
        request = {
            "content": photo,
            "styles": ["starry_night", "great_wave"],
            "style_weights": [3, 1],
            "settings": {"size": 64, "strength": 0.7, "preserve_color": "luma"},
        }
        preview = await client("POST", "/api/paint", {**request, "side": 32})
        assert "x-result" not in preview.headers
        painted = await client("POST", "/api/paint", request)
        assert painted.status == 200, painted.body
        (job,) = (await client("GET", "/api/jobs")).json
        assert (job["id"], job["state"]) == (painted.headers["x-result"], "done")
        assert (job["width"], job["height"], job["result"]) == (64, 43, job["id"])
        for suffix in (".png", ".jpg", ".webp", ".tif"):
            reply = await client("GET", f"/api/results/{job['id']}?suffix={suffix}")
            pictures[suffix] = reply.body
        assert pictures[".png"] == painted.body
        assert (await client("GET", f"/api/results/{job['id']}?suffix=.exe")).status == 400
        # The picture, dropped in, asks for itself.
        again = (await client("PUT", "/api/pictures?name=x.webp", pictures[".webp"])).json
        assert again["recipe_problem"] is None
        assert (await client("POST", "/api/paint", again["request"])).body == painted.body
        commands = (await client("POST", "/api/command", again["request"])).json
        assert "nst.paint('photo 1.jpg', ['starry_night', 'great_wave']" in commands["python"]
        (tmp_path / "program.py").write_text(commands["python"])
        return shlex.split(commands["command"])

    program, *flags = visit(scene)
    assert program == "nst-stylize"
    (tmp_path / "photo 1.jpg").write_bytes(files["photo 1.jpg"])
    output = flags.pop().removeprefix("--output=")
    assert output == "photo 1_starry_night_great_wave.png"
    for suffix, data in pictures.items():
        done = run_main(stylize.main, *flags, f"--output=out{suffix}")
        assert done.returncode == 0, done.stderr
        assert (tmp_path / f"out{suffix}").read_bytes() == data, suffix
    exec((tmp_path / "program.py").read_text())
    assert np.array_equal(read_image(tmp_path / output), read_image(tmp_path / "out.png"))


def test_an_optimised_picture_is_that_of_its_command(
    visit: Run,
    tmp_path: Path,
    run_main: RunMain,
    monkeypatch: pytest.MonkeyPatch,
    random_weights: VGG19Weights,
) -> None:
    monkeypatch.setattr(transfer_job, "load_vgg19", lambda *_: random_weights)
    # Two pictures of one name, as from two folders, are told apart.
    files = {"photo.png": picture(60, 40), "photo_2.png": picture(50, 50), "mask.png": picture(60, 40)}
    told: list[dict[str, Any]] = []
    ids: dict[str, str] = {}

    async def ask(client: Client) -> list[str]:
        for name, data in files.items():
            ids[name] = await _bring(client, name.replace("_2", ""), data)
        request = {"way": "optimize", "content": ids["photo.png"], "styles": [ids["photo_2.png"]]}
        request["settings"] = SHALLOW
        job = (await client("POST", "/api/jobs", request)).json
        task = client.studio._jobs.get(job["id"]).task
        await client("POST", f"/api/jobs/{job['id']}/stop")
        wishes = optimize.Wishes(iter([{"wish": "go_on"}]), lambda **message: None)
        wishes.should_stop = lambda: False  # type: ignore[method-assign]
        optimize.optimize({**task, "resume": False}, wishes, lambda **message: told.append(message))
        result = (await client("GET", f"/api/results/{job['id']}")).body
        (tmp_path / "studio.png").write_bytes(result)
        again = (await client("PUT", "/api/pictures?name=x.png", result)).json
        assert again["request"]["settings"] == SHALLOW
        assert again["request"]["content"] == ids["photo.png"]
        assert again["request"]["styles"] == [ids["photo_2.png"]]
        return shlex.split((await client("POST", "/api/command", again["request"])).json["command"])

    _, *flags = visit(ask)
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    done = run_main(stylize.main, *flags)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "photo_photo_2.png").read_bytes() == (tmp_path / "studio.png").read_bytes()
    events = [message["event"] for message in told]
    assert (events[0], events[-1], events.count("step")) == ("running", "ended", 5)
    assert "preview" in events
    assert told[-1]["finished"]


def test_a_kept_request_asks_for_what_made_its_picture() -> None:
    fast = {"way": "fast", "content": "sample:china", "settings": {"strength": 0.5}}
    made = FastSettings(strength=0.5).to_dict()
    assert as_today(fast, made)["settings"] == fast["settings"]
    del made["passes"]  # was 1 before there were more
    assert as_today(fast, made)["settings"] == {"strength": 0.5, "passes": 1}
    fine = {"way": "optimize", "preset": "preview", "settings": {"seed": 3, "init": "0" * 32}}
    made = {**PRESETS["preview"].to_dict(), "seed": 3, "init": "/folder/picture.png"}
    assert as_today(fine, made) == fine
    assert as_today({**fine, "preset": "of old"}, made) == fine
    assert as_today(fine, {**made, "of later": 1}) == fine


def test_a_recipe_that_lacks_its_photo_says_so(visit: Run) -> None:
    async def scene(client: Client) -> None:
        client.studio._painter = Painter()
        photo = await _bring(client, "photo.png", picture(64, 48))
        request = {"content": photo, "styles": ["night_cafe"], "settings": {"size": 32}}
        painted = (await client("POST", "/api/paint", request)).body
        client.studio._pictures._folder.joinpath(photo, "photo.png").unlink()
        dropped = (await client("PUT", "/api/pictures?name=x.png", painted)).json
        assert "photo.png" in dropped["recipe_problem"]
        assert dropped["request"]["styles"] == ["night_cafe"]

    visit(scene)


DAMAGED = {
    "no settings": {"content": "a.png", "styles": ["b.png"]},
    "numbers for names": {"content": 1, "styles": [2], "style_weights": [1.0], "settings": {}},
    "a list for a name": {"content": ["x"], "styles": ["y"], "style_weights": [1.0], "settings": {}},
    "settings that are none": {"content": "a", "styles": ["b"], "style_weights": [1.0], "settings": 3},
    "settings of tomorrow": {"content": "a", "styles": ["b"], "style_weights": [1.0], "settings": {"x": 1}},
    "a weight that is no number": {"content": "a", "styles": ["b"], "style_weights": ["x"], "settings": {}},
    "too few weights": {"content": "a", "styles": ["b", "c"], "style_weights": [1.0], "settings": {}},
    "a mask that is a number": {
        **{"content": "a", "styles": ["b"], "style_weights": [1.0], "settings": {}},
        **{"content_mask": 7, "style_masks": 8},
    },
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_recipe_is_said_and_the_picture_kept(what: str, visit: Run, tmp_path: Path) -> None:
    write_image(tmp_path / "p.png", np.zeros((20, 20, 3), np.uint8), DAMAGED[what])

    async def scene(client: Client) -> None:
        added = (await client("PUT", "/api/pictures?name=p.png", (tmp_path / "p.png").read_bytes())).json
        assert added["request"] is None
        assert "another version, or damaged" in added["recipe_problem"]
        assert (await client("GET", f"/api/pictures/{added['id']}")).status == 200

    visit(scene)


def test_a_recipe_with_hostile_names_is_text(visit: Run, tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>../../etc/passwd"
    record = {
        "content": name,
        "styles": ["sample:ink"],
        "style_weights": [1.0],
        "settings": {},
        "vgg": "my.mat",
    }
    write_image(tmp_path / "p.png", np.zeros((20, 20, 3), np.uint8), record)

    async def scene(client: Client) -> None:
        added = (await client("PUT", "/api/pictures?name=p.png", (tmp_path / "p.png").read_bytes())).json
        assert added["request"]["content"] == name
        assert name in added["recipe_problem"]
        assert (await client("POST", "/api/jobs", added["request"])).status == 404
        assert (await client("POST", "/api/command", added["request"])).status == 404

    visit(scene)
