"""Videos on their way to a file: H.264 with the source's sound by PyAV, or an animated GIF by Pillow."""

import json
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from PIL import Image

from nst_keras.errors import InputError

_FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
GIF = ".gif"
WRITABLE_VIDEO_SUFFIXES = (*_FORMATS, GIF)

# x264's scale of constant quality; 18 is called visually lossless.
_QUALITY = "18"
# Hundredths of a second, a GIF's unit; viewers show whatever is shorter much longer.
_SHORTEST = 2


class VideoWriter(Protocol):
    """What is written, one picture after the other; at its end it is whole, unless there was an error."""

    sounds: list[Any]  # streams of the source that it wants packets of

    def __enter__(self) -> Self:
        """Nothing is written yet."""

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        """Writes what is left, and closes the file."""

    def write(self, picture: np.ndarray, like: Any) -> None:
        """Writes a picture at the time of a frame of the source."""

    def copy(self, packet: Any) -> None:
        """Takes over a packet of sound."""


def video_writer(
    path: Path, suffix: str, reader: Any, settings: Mapping[str, Any] | None, note: Callable[[str], None]
) -> VideoWriter:
    """Writes as the suffix says, whatever the path's own; settings become the comment."""
    comment = "" if settings is None else json.dumps(dict(settings), sort_keys=True)
    if suffix == GIF:
        return _GifWriter(path, reader, comment, note)
    return _FilmWriter(import_av().open(str(path), "w", format=_FORMATS[suffix]), reader, comment, note)


class _FilmWriter:
    """Its stream is made when the size of the first picture is known."""

    def __init__(self, container: Any, reader: Any, comment: str, note: Callable[[str], None]) -> None:
        self._container, self._source = container, reader.streams.video[0]
        container.metadata["comment"] = comment
        self._stream: Any = None
        self.sounds = list(reader.streams.audio[:1])
        for sound in self.sounds:
            if sound.codec_context.name in container.supported_codecs:
                self._sound = container.add_stream_from_template(sound)
            else:
                note(f"sound of the kind {sound.codec_context.name} doesn't fit the format and is left out")
                self.sounds = []
        self._waiting: list[Any] = []  # sound from before the first picture

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        with self._container:
            if self._stream is not None and kind is None:
                self._container.mux(self._stream.encode())  # what the encoder holds back

    def copy(self, packet: Any) -> None:
        packet.stream = self._sound
        self._waiting.append(packet)
        if self._stream:
            self._write_sound()

    def write(self, picture: np.ndarray, like: Any) -> None:
        picture = np.ascontiguousarray(picture[: len(picture) // 2 * 2, : picture.shape[1] // 2 * 2])
        if self._stream is None:
            rate = self._source.average_rate or Fraction(25)
            self._stream = self._container.add_stream("libx264", rate=rate, options={"crf": _QUALITY})
            self._stream.height, self._stream.width = picture.shape[:2]
            self._stream.pix_fmt = "yuv420p"
            self._stream.codec_context.time_base = like.time_base
        frame = import_av().VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = like.pts, like.time_base
        self._container.mux(self._stream.encode(frame))
        self._write_sound()

    def _write_sound(self) -> None:
        self._container.mux(self._waiting)
        self._waiting = []


class _GifWriter:
    """Keeps the pictures, with 256 colours for each, and writes them at its end."""

    def __init__(self, path: Path, reader: Any, comment: str, note: Callable[[str], None]) -> None:
        self._path, self._comment = path, comment
        self.sounds: list[Any] = []
        self._pictures: list[Image.Image] = []
        self._starts: list[int] = []
        self._end = 0
        if reader.streams.audio:
            note("a GIF has no sound; it is left out")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is None and self._pictures:
            ends = [*self._starts[1:], self._end]
            self._pictures[0].save(
                self._path,
                "GIF",
                save_all=True,
                append_images=self._pictures[1:],
                duration=[10 * (end - start) for start, end in zip(self._starts, ends, strict=True)],
                loop=0,  # for ever
                comment=self._comment.encode(),
            )

    def copy(self, packet: Any) -> None:
        """Leaves sound out, which it asks for none of."""

    def write(self, picture: np.ndarray, like: Any) -> None:
        start = self._end if like.time is None else round(100 * like.time)
        if not self._starts or start - self._starts[-1] >= _SHORTEST:
            self._pictures.append(Image.fromarray(picture).quantize())
            self._starts.append(start)
        length = round(100 * float((like.duration or 0) * (like.time_base or 0)))
        self._end = start + max(length, _SHORTEST)


def import_av() -> Any:
    """PyAV, which is an extra."""
    try:
        import av
    except ImportError as error:
        raise InputError("videos need the package av: pip install 'nst_keras[video]'") from error
    return av
