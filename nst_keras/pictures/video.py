"""Videos: each frame changed and written again, with the sound as it was. Needs PyAV, the extra `video`."""

import json
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from nst_keras.errors import InputError
from nst_keras.storage.files import writing_whole

_FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
WRITABLE_VIDEO_SUFFIXES = tuple(_FORMATS)
VIDEO_SUFFIXES = (*WRITABLE_VIDEO_SUFFIXES, ".webm", ".avi", ".m4v")

# x264's scale of constant quality; 18 is called visually lossless.
_QUALITY = "18"


def change_video(
    source: str | Path,
    target: str | Path,
    change: Callable[[np.ndarray], np.ndarray],
    *,
    settings: Mapping[str, Any],
    should_stop: Callable[[], bool] = lambda: False,
    observer: Callable[[int, int], None] = lambda done, frames: None,
    note: Callable[[str], None] = lambda text: None,
) -> int:
    """Changes a video's frames and writes them as H.264 at the same times; returns how many were written.

    Sound is copied as it is where the target's format can hold it. If the video can't be read or written,
    nothing is left behind.

    Args:
        source: The video to read; its first stream of pictures is used, upright.
        target: Where to write, with one of `WRITABLE_VIDEO_SUFFIXES`.
        change: Takes uint8 [h, w, 3], RGB, and returns another, always of one size. An odd last row or
            column is cut off, since the format has none.
        settings: What JSON can hold; kept as the video's comment.
        should_stop: Asked after each frame; True ends the video there, which is whole and can be played.
        observer: Called after each frame with the number done and of all, 0 if that isn't known.
        note: Called with a line of text if the sound has to be left out.
    """
    av = _import_av()
    try:
        with writing_whole(target) as temporary, av.open(str(source)) as reader:
            if not reader.streams.video:
                raise InputError(f"content: {source}: holds no stream of pictures")
            kind = _FORMATS[Path(target).suffix.lower()]
            with av.open(str(temporary), "w", format=kind) as container:
                container.metadata["comment"] = json.dumps(dict(settings), sort_keys=True)
                writer = _Writer(container, reader, note)
                for frame in writer.copy_sound_and_decode():
                    # Turned as a player would turn it.
                    pixels = np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90)
                    writer.write(change(pixels), frame)
                    observer(writer.frames, reader.streams.video[0].frames)
                    if should_stop():
                        break
                writer.finish()
            if not writer.frames:
                raise InputError(f"content: {source}: holds no frame")
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{source}: can't be read, or {target} not written: {error}") from error
    return writer.frames


class _Writer:
    """The video that is written; its stream is made when the size of the first picture is known."""

    def __init__(self, container: Any, reader: Any, note: Callable[[str], None]) -> None:
        self._container, self._reader, self.frames = container, reader, 0
        self._source = reader.streams.video[0]
        self._stream: Any = None
        self._sound: Any = None
        if reader.streams.audio:
            sound = reader.streams.audio[0]
            if sound.codec_context.name in container.supported_codecs:
                self._sound = container.add_stream_from_template(sound)
            else:
                note(f"sound of the kind {sound.codec_context.name} doesn't fit the format and is left out")
        self._waiting: list[Any] = []  # sound from before the first picture

    def copy_sound_and_decode(self) -> Iterator[Any]:
        """Yields frames; sound between them goes straight over."""
        streams = [self._source, *(self._reader.streams.audio[:1] if self._sound else ())]
        for packet in self._reader.demux(streams):
            if packet.stream is self._source:
                yield from packet.decode()
            elif packet.dts is not None:
                packet.stream = self._sound
                self._waiting.append(packet)
                if self._stream:
                    self._write_sound()

    def write(self, picture: np.ndarray, like: Any) -> None:
        """Writes a picture at the time of a frame of the source."""
        picture = np.ascontiguousarray(picture[: len(picture) // 2 * 2, : picture.shape[1] // 2 * 2])
        if self._stream is None:
            rate = self._source.average_rate or Fraction(25)
            self._stream = self._container.add_stream("libx264", rate=rate, options={"crf": _QUALITY})
            self._stream.height, self._stream.width = picture.shape[:2]
            self._stream.pix_fmt = "yuv420p"
            self._stream.codec_context.time_base = like.time_base
        frame = _import_av().VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = like.pts, like.time_base
        self._container.mux(self._stream.encode(frame))
        self._write_sound()
        self.frames += 1

    def finish(self) -> None:
        """Writes what the encoder holds back."""
        if self._stream is not None:
            self._container.mux(self._stream.encode())

    def _write_sound(self) -> None:
        self._container.mux(self._waiting)
        self._waiting = []


def _import_av() -> Any:
    try:
        import av
    except ImportError as error:
        raise InputError("videos need the package av: pip install 'nst_keras[video]'") from error
    return av
