"""Pictures that people bring, and files that are none."""

import asyncio
import contextlib
import io
import os
import time
import zlib
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from nst_keras.studio.pictures import PictureStore, file_name

from .conftest import Client, Run, picture

NAMES = {
    "photo.jpg": "photo.jpg",
    "../../etc/passwd": "passwd.png",
    "C:\\pictures\\Sofía 1.JPG": "Sofía 1.jpg",
    "<img src=x onerror=alert(1)>.png": "_img src=x onerror=alert(1)_.png",
    "a,b.png": "a_b.png",
    "": "picture.png",
    ".hidden.png": "hidden.png",
    "--flag.png": "flag.png",
    "a\n\x00\u202eb.png": "a___b.png",
    "x" * 300 + ".png": "x" * 80 + ".png",
}


@pytest.mark.parametrize("name", NAMES)
def test_names_of_files_are_harmless(name: str) -> None:
    assert file_name(name) == NAMES[name]


def _bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that is decoded to as many pixels as it says."""
    small = picture(16, 16)
    header = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + small[24:29]
    return small[:12] + header + zlib.crc32(header).to_bytes(4, "big") + small[33:]


REFUSED = {
    "100 megapixels": (_bomb(10_000, 10_000), "too many pixels"),
    "4 gigapixels": (_bomb(65_000, 65_000), "too many pixels"),
    "a thread": (picture(10_000, 3), "at least 16 pixels"),
    "a text": (b"no picture at all", "not a picture in a known format"),
    "half a photo": (picture(400, 300, "JPEG")[:2000], "damaged or cut short"),
    "nothing": (b"", "is empty"),
}


def test_a_picture_is_given_back_as_it_was_brought(visit: Run) -> None:
    data = picture(60, 40)

    async def scene(client: Client) -> None:
        brought = (await client("PUT", "/api/pictures?name=mask.png", data)).json["id"]
        reply = await client("GET", f"/api/pictures/{brought}?original=1")
        assert reply.body == data
        assert reply.headers["content-disposition"].startswith("attachment")

    visit(scene)


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_picture_is_refused_and_leaves_nothing(what: str, visit: Run, tmp_path: Path) -> None:
    data, reason = REFUSED[what]

    async def scene(client: Client) -> None:
        reply = await client("PUT", "/api/pictures?name=photo.png", data)
        assert reply.status == 400
        assert reply.json["error"].startswith("photo.png: ")
        assert reason in reply.json["error"]

    visit(scene)
    assert not [
        path for path in (tmp_path / "studio").glob("*/*") if path.parent.name in ("pictures", "fresh")
    ]


def test_a_file_that_is_too_large_is_refused_before_it_is_kept(visit: Run) -> None:
    async def scene(client: Client) -> None:
        head = await client(
            "PUT", "/api/pictures?name=a.png", b"", content_length=str(2 << 30), expect="100-continue"
        )
        assert head.status == 413
        reply = await client("PUT", "/api/pictures?name=a.png", bytes((1 << 20) + 1))
        assert (reply.status, reply.json["error"]) == (413, "a request must have at most 1048576 bytes")

    visit(scene)


def test_a_photo_is_shown_upright_and_tells_no_place(visit: Run) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.IFD.GPSInfo] = {ExifTags.GPS.GPSLatitudeRef: "N"}
    data = picture(400, 300, "JPEG", exif=exif)

    async def scene(client: Client) -> None:
        added = (await client("PUT", "/api/pictures?name=photo.jpg", data)).json
        assert (added["name"], added["width"], added["height"]) == ("photo.jpg", 300, 400)
        assert added["request"] is added["recipe_problem"] is None
        reply = await client("GET", f"/api/pictures/{added['id']}?side=40")
        assert reply.headers["content-type"] == "image/jpeg"
        with Image.open(io.BytesIO(reply.body)) as small:
            assert small.size == (30, 40)
            assert not small.getexif()
        for side in ("0", "-1", "x", "99999"):
            assert (await client("GET", f"/api/pictures/{added['id']}?side={side}")).status == 400

    visit(scene)


def test_a_transparent_picture_and_samples_are_shown(visit: Run) -> None:
    buffer = io.BytesIO()
    Image.new("LA", (50, 50), (100, 0)).save(buffer, "PNG")

    async def scene(client: Client) -> None:
        added = (await client("PUT", "/api/pictures?name=p.png", buffer.getvalue())).json
        shown = await client("GET", f"/api/pictures/{added['id']}")
        with Image.open(io.BytesIO(shown.body)) as image:
            assert (image.format, image.mode, image.getpixel((0, 0))[3]) == ("PNG", "RGBA", 0)
        for name in ("sample:china", "sample:ink"):
            assert (await client("GET", f"/api/pictures/{name}?side=64")).headers[
                "content-type"
            ] == "image/jpeg"

    visit(scene)


@pytest.mark.parametrize("name", ["0" * 32, "..", "/etc/passwd", "sample:../china", "0" * 31 + "\n", "."])
def test_nothing_outside_its_folder_is_shown(name: str, visit: Run) -> None:
    async def scene(client: Client) -> None:
        assert (await client("GET", f"/api/pictures/{name}")).status == 404

    visit(scene)


def test_each_picture_has_a_name_of_its_own(visit: Run) -> None:
    async def scene(client: Client) -> None:
        async def bring(data: bytes) -> tuple[str, str]:
            added = (await client("PUT", "/api/pictures?name=photo.png", data)).json
            return added["id"], added["name"]

        first, *others = [await bring(picture(width)) for width in (40, 41, 42)]
        assert [name for _, name in (first, *others)] == ["photo.png", "photo_2.png", "photo_3.png"]
        assert len({brought for brought, _ in (first, *others)}) == 3
        assert await bring(picture(41)) == others[0], "it is here already"
        at_once = await asyncio.gather(*(bring(picture(50 + n % 2)) for n in range(6)))
        assert sorted({*at_once}, key=lambda each: each[1])[1][1] == "photo_5.png" and len({*at_once}) == 2

    visit(scene)


def test_what_nobody_wants_goes_after_a_while_or_when_there_is_too_much(tmp_path: Path) -> None:
    store = PictureStore(tmp_path / "pictures", 10**6)
    days_ago, ids = {"job": 50, "old": 40, "week": 7, "day": 1, "hour": 0.02, "new": 0}, {}
    for number, (name, days) in enumerate(days_ago.items()):
        (tmp_path / "file").write_bytes(picture(40 + number))
        ids[name] = str(store.add(f"{name}.png", tmp_path / "file")["id"])
        used = time.time() - 86400 * days
        os.utime(tmp_path / "pictures" / ids[name], (used, used))

    def left() -> list[str]:
        return [name for name in days_ago if (tmp_path / "pictures" / ids[name]).exists()]

    store.forget({ids["job"]}, 30 * 86400, 10**9)
    assert left() == ["job", "week", "day", "hour", "new"]
    assert store.path(ids["week"]), "which uses it"
    store.forget({ids["job"]}, 30 * 86400, 0)
    assert left() == ["job", "week", "hour", "new"]


def test_pictures_of_jobs_and_open_pages_stay_when_the_studio_starts(visit: Run, tmp_path: Path) -> None:
    folder = tmp_path / "studio" / "pictures"

    async def first(client: Client) -> list[str]:
        names = [
            (await client("PUT", f"/api/pictures?name={width}.png", picture(width))).json["id"]
            for width in (40, 41, 42)
        ]
        settings = {"num_steps": 1, "size": 64}
        job = {"way": "optimize", "content": names[0], "styles": ["sample:ink"], "settings": settings}
        assert (await client("POST", "/api/jobs", job)).status == 202
        for name in names:
            os.utime(folder / name, (0, 0))
        held = await client("POST", "/api/pictures", {"names": [names[1], "sample:ink", "0" * 32]})
        assert held.json == {"gone": ["0" * 32], "files": {names[1]: "41.png"}}
        assert (await client("POST", "/api/pictures", {"names": 3})).status == 400
        return names

    async def second(client: Client) -> None:
        while (folder / names[2]).exists():  # the visit ends in a minute
            await asyncio.sleep(0.01)
        assert (folder / names[0]).exists() and (folder / names[1]).exists()

    names = visit(first)
    visit(second)


def test_many_pictures_at_once_are_all_kept_or_told_to_come_again(visit: Run) -> None:
    data = picture(300, 200)

    async def scene(client: Client) -> None:
        calls = [client("PUT", f"/api/pictures?name={number}.png", data) for number in range(50)]
        replies = await asyncio.gather(*calls)
        assert {reply.status for reply in replies} <= {200, 429}
        kept = [reply.json["id"] for reply in replies if reply.status == 200]
        assert len({*kept}) == len(kept) > 4
        assert (await client("GET", f"/api/pictures/{kept[-1]}")).status == 200

    visit(scene)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_full_disk_is_said(visit: Run, tmp_path: Path) -> None:
    async def scene(client: Client) -> None:
        client.studio.new_file = lambda: contextlib.nullcontext(Path("/dev/full"))  # type: ignore
        reply = await client("PUT", "/api/pictures?name=a.png", picture())
        assert (reply.status, "No space left" in reply.json["error"]) == (507, True)

    visit(scene)
    assert not list((tmp_path / "studio" / "pictures").iterdir())
