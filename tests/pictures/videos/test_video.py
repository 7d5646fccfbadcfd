"""Videos: frames, times, sound, and what happens to bad ones."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nst_keras.errors import InputError
from nst_keras.pictures.videos.video import change_video, is_video, read_video_settings
from nst_keras.pictures.videos.writers import WRITABLE_VIDEO_SUFFIXES

av = pytest.importorskip("av")


def write_clip(path: Path, pictures: list[np.ndarray], *, sound: bool = False, rate: int = 10) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "10"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        if sound:
            audio = container.add_stream("aac", rate=16000, layout="mono")
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
        if sound:
            tone = np.sin(np.arange(16000 * len(pictures) // rate) / 8).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(tone[np.newaxis], format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 16000, 0, Fraction(1, 16000)
            container.mux(audio.encode(frame))
            container.mux(audio.encode())


def read_clip(path: Path) -> tuple[list[np.ndarray], list[float]]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return [frame.to_ndarray(format="rgb24") for frame in frames], [frame.time for frame in frames]


@pytest.fixture
def pictures() -> list[np.ndarray]:
    """Frames that are told apart by their brightness."""
    return [np.full((48, 64, 3), 20 + 12 * i, np.uint8) for i in range(15)]


def _change(source: Path, target: Path, change: Callable = lambda frame: frame, **options: object) -> int:
    return change_video(source, target, change, settings={"a": 1}, **options)  # type: ignore[arg-type]


def test_every_frame_is_changed_and_keeps_its_time(tmp_path: Path, pictures: list[np.ndarray]) -> None:
    source, target = tmp_path / "in.mp4", tmp_path / "out.mkv"
    write_clip(source, pictures)
    seen: list[tuple[int, int]] = []
    count = _change(source, target, lambda frame: 255 - frame, observer=lambda *moment: seen.append(moment))
    assert count == 15
    assert seen == [(number, 15) for number in range(1, 16)]
    frames, times = read_clip(target)
    for frame, picture in zip(frames, pictures, strict=True):
        np.testing.assert_allclose(frame.mean(), 255 - picture.mean(), atol=4)
    np.testing.assert_allclose(times, read_clip(source)[1], atol=1e-3)
    assert {path.name for path in tmp_path.iterdir()} == {"in.mp4", "out.mkv"}


def test_sound_is_copied(tmp_path: Path, pictures: list[np.ndarray]) -> None:
    write_clip(tmp_path / "in.mp4", pictures, sound=True)
    notes: list[str] = []
    _change(tmp_path / "in.mp4", tmp_path / "out.mp4", note=notes.append)
    packets = []
    for name in ("in.mp4", "out.mp4"):
        with av.open(str(tmp_path / name)) as container:
            packets.append([bytes(packet) for packet in container.demux(audio=0) if packet.size])
    assert packets[0] == packets[1]
    assert len(packets[0]) > 10
    assert notes == []


def test_stopped_videos_can_be_played(tmp_path: Path, pictures: list[np.ndarray]) -> None:
    write_clip(tmp_path / "in.mp4", pictures, sound=True)
    stop = iter([False] * 4 + [True])
    assert _change(tmp_path / "in.mp4", tmp_path / "out.mp4", should_stop=lambda: next(stop)) == 5
    assert len(read_clip(tmp_path / "out.mp4")[0]) == 5


@pytest.mark.parametrize("suffix", WRITABLE_VIDEO_SUFFIXES)
def test_settings_come_back(tmp_path: Path, pictures: list[np.ndarray], suffix: str) -> None:
    write_clip(tmp_path / "in.mp4", pictures[:2])
    settings = {"name": "é" * 300}
    target = tmp_path / f"out{suffix}"
    change_video(tmp_path / "in.mp4", target, lambda frame: frame, settings=settings)
    assert read_video_settings(target) == settings
    with pytest.raises(InputError, match=r"in\.mp4: holds no settings"):
        read_video_settings(tmp_path / "in.mp4")


def test_a_gif_has_the_times_of_its_source_both_ways(tmp_path: Path, pictures: list[np.ndarray]) -> None:
    write_clip(tmp_path / "in.mp4", pictures, sound=True)
    notes: list[str] = []
    assert _change(tmp_path / "in.mp4", tmp_path / "out.gif", note=notes.append) == 15
    assert notes == ["a GIF has no sound; it is left out"]
    frames, times = read_clip(tmp_path / "out.gif")
    np.testing.assert_allclose(times, np.arange(15) / 10)
    for frame, picture in zip(frames, pictures, strict=True):
        np.testing.assert_allclose(frame.mean(), picture.mean(), atol=4)
    assert _change(tmp_path / "out.gif", tmp_path / "back.mp4") == 15
    np.testing.assert_allclose(read_clip(tmp_path / "back.mp4")[1], times, atol=1e-3)


def test_a_gif_has_no_more_pictures_than_are_shown_in_their_time(
    tmp_path: Path, pictures: list[np.ndarray]
) -> None:
    write_clip(tmp_path / "in.mp4", pictures, rate=100)
    _change(tmp_path / "in.mp4", tmp_path / "out.gif")
    np.testing.assert_allclose(read_clip(tmp_path / "out.gif")[1], np.arange(8) / 50)


def test_what_is_transparent_is_seen_on_white(tmp_path: Path) -> None:
    images = [Image.new("RGBA", (32, 32), (0, 0, 0, 0)) for _ in range(2)]
    images[1].paste((255, 0, 0, 255), (0, 0, 8, 8))
    images[0].save(tmp_path / "in.gif", save_all=True, append_images=images[1:], duration=100)
    seen: list[np.ndarray] = []
    _change(tmp_path / "in.gif", tmp_path / "out.gif", lambda frame: seen.append(frame) or frame)
    assert seen[1][4, 4].tolist() == [255, 0, 0] and seen[1][20, 20].tolist() == [255, 255, 255]


def test_a_gif_is_a_video_if_it_moves(tmp_path: Path) -> None:
    images = [Image.new("L", (8, 8), gray) for gray in (0, 99)]
    images[0].save(tmp_path / "still.gif")
    images[0].save(tmp_path / "moving.gif", save_all=True, append_images=images[1:])
    names = ("still.gif", "moving.gif", "none.gif", "none.mp4", "photo.png")
    assert [name for name in names if is_video(tmp_path / name)] == ["moving.gif", "none.mp4"]


def test_odd_sides_lose_a_line(tmp_path: Path, pictures: list[np.ndarray]) -> None:
    write_clip(tmp_path / "in.mp4", pictures[:2])
    _change(tmp_path / "in.mp4", tmp_path / "out.mp4", lambda frame: frame[:33, :41])
    assert read_clip(tmp_path / "out.mp4")[0][0].shape == (32, 40, 3)


def test_bad_videos_are_named_and_leave_nothing(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("this is no video, though its name says so")
    with pytest.raises(InputError, match=r"text\.mp4: can't be read"):
        _change(tmp_path / "text.mp4", tmp_path / "out.mp4")
    with pytest.raises(InputError, match=r"none\.mp4: can't be read"):
        _change(tmp_path / "none.mp4", tmp_path / "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["text.mp4"]


def test_an_error_on_the_way_leaves_nothing(tmp_path: Path, pictures: list[np.ndarray]) -> None:
    def fail(frame: np.ndarray) -> np.ndarray:
        raise InputError("too small")

    write_clip(tmp_path / "in.mp4", pictures[:2])
    with pytest.raises(InputError, match="too small"):
        _change(tmp_path / "in.mp4", tmp_path / "out.mp4", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]
