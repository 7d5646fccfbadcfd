"""Videos: each frame changed and written again, with the sound as it was. Needs PyAV, the extra `video`."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nst_keras.errors import InputError
from nst_keras.pictures.opening import open_image, pillow_errors
from nst_keras.pictures.videos.writers import GIF, VideoWriter, import_av, video_writer
from nst_keras.storage.files import open_file, writing_whole

VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", GIF)


def is_video(path: str | Path) -> bool:
    """Whether a file is a video, by its suffix; a GIF is one if it is animated."""
    suffix = Path(path).suffix.lower()
    if suffix != GIF:
        return suffix in VIDEO_SUFFIXES
    try:
        with open_file(path) as file, pillow_errors(str(path)):
            return bool(getattr(open_image(file), "is_animated", False))
    except InputError:
        return False  # whoever reads it says why


def require_video(path: str | Path) -> None:
    """Raises an InputError unless a file can be read as a video."""
    av = import_av()
    try:
        with av.open(str(path)) as reader:
            if not reader.streams.video:
                raise InputError(f"content: {path}: holds no stream of pictures")
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"content: {path}: can't be read as a video: {error}") from error


def read_video_settings(path: str | Path) -> dict[str, Any]:
    """Returns the settings that `change_video` stored in a video.

    Raises:
        InputError: If there is no such video, or it holds no settings.
    """
    try:
        settings = json.loads(_comment(path))
    except ValueError:
        settings = None
    if not isinstance(settings, dict):
        raise InputError(f"{path}: holds no settings of nst_keras")
    return settings


def _comment(path: str | Path) -> str:
    if Path(path).suffix.lower() == GIF:
        with open_file(path) as file, pillow_errors(str(path)):
            return str(open_image(file).info.get("comment", b""), "utf-8", "replace")
    av = import_av()
    try:
        with av.open(str(path)) as reader:
            # Matroska's names are in capitals.
            return next((text for name, text in reader.metadata.items() if name.lower() == "comment"), "")
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{path}: can't be read: {error}") from error


class _StoppedBeforeAnyError(Exception):
    """There is no frame to write."""


def change_video(
    source: str | Path,
    target: str | Path,
    change: Callable[[np.ndarray], np.ndarray | None],
    *,
    settings: Mapping[str, Any] | None,
    before_writing: Callable[[], None] = lambda: None,
    should_stop: Callable[[], bool] = lambda: False,
    observer: Callable[[int, int], None] = lambda done, frames: None,
    note: Callable[[str], None] = lambda text: None,
) -> int:
    """Changes a video's frames and writes them at the same times; returns how many were written.

    H.264, with the sound copied as it is where the target's format can hold it; or an animated GIF, of 50
    pictures a second at most. If the video can't be read or written, or is stopped before the first frame,
    nothing is left behind.

    Args:
        source: The video to read; its first stream of pictures is used, upright.
        target: Where to write, with one of `WRITABLE_VIDEO_SUFFIXES`.
        change: Takes uint8 [h, w, 3], RGB, and returns another, always of one size, or None, which ends the
            video before that frame. An odd last row or column is cut off by H.264, which has none.
        settings: What JSON can hold; kept as the video's comment. None keeps nothing.
        before_writing: Called once the source is open.
        should_stop: Asked after each frame; True ends the video there, which is whole and can be played.
        observer: Called after each frame with the number done and of all, 0 if that isn't known.
        note: Called with a line of text if the sound has to be left out.
    """
    av, frames = import_av(), 0
    try:
        with av.open(str(source)) as reader:
            if not reader.streams.video:
                raise InputError(f"content: {source}: holds no stream of pictures")
            before_writing()
            with writing_whole(target) as temporary:
                with video_writer(temporary, Path(target).suffix.lower(), reader, settings, note) as writer:
                    for frame in _frames(reader, writer):
                        changed = change(_pixels(frame))
                        if changed is None:
                            if not frames:
                                raise _StoppedBeforeAnyError
                            break
                        writer.write(changed, frame)
                        frames += 1
                        observer(frames, reader.streams.video[0].frames)
                        if should_stop():
                            break
                if not frames:
                    raise InputError(f"content: {source}: holds no frame")
    except _StoppedBeforeAnyError:
        return 0
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{source}: can't be read, or {target} not written: {error}") from error
    return frames


def _frames(reader: Any, writer: VideoWriter) -> Iterator[Any]:
    """Yields frames; sound between them goes straight over."""
    source = reader.streams.video[0]
    for packet in reader.demux([source, *writer.sounds]):
        if packet.stream is source:
            yield from packet.decode()
        elif packet.dts is not None:
            writer.copy(packet)


def _pixels(frame: Any) -> np.ndarray:
    """A frame upright, uint8 [h, w, 3], RGB; transparency is laid over white, as in pictures."""
    if any(component.is_alpha for component in frame.format.components):
        picture = Image.fromarray(frame.to_ndarray(format="rgba"))
        white = Image.new("RGBA", picture.size, "white")
        pixels = np.asarray(Image.alpha_composite(white, picture).convert("RGB"))
    else:
        pixels = frame.to_ndarray(format="rgb24")
    return np.rot90(pixels, frame.rotation // 90)
