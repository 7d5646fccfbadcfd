"""Pictures that people bring, and files that are none."""

import asyncio
import contextlib
import io
import zlib
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from nst_keras.studio.pictures import file_name

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
