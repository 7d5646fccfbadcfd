"""From picture files to picture files by a trained stylizer."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from nst_keras import __version__
from nst_keras.errors import InputError
from nst_keras.pictures.by_name import load_picture
from nst_keras.pictures.images import read_settings, require_encodable, write_image
from nst_keras.pictures.plan import StylizeJob, check_job
from nst_keras.stylizers.architecture import load_painter
from nst_keras.stylizers.painter import Painter
from nst_keras.stylizers.settings import FastSettings


class FastStylize:
    """A painter with settings, for any number of jobs.

    Attributes:
        settings: How pictures are made.
        painter: What makes them.
    """

    def __init__(self, settings: FastSettings, stylizer: str = "") -> None:
        """Reads the stylizer.

        Raises:
            InputError: If it can't be read.
        """
        self.settings, self.painter = settings, load_painter(stylizer)
        self._known: dict[tuple[Any, ...], tuple[np.ndarray, list[str]]] = {}

    def run(self, job: StylizeJob) -> Path:
        """Makes a picture and writes it, with the settings in its metadata.

        Returns:
            Where it is.

        Raises:
            InputError: If something can't be read, painted or written.
        """
        check_job(job)
        blend, _ = self._style(job)
        content = load_picture(job.content, "content")
        try:
            size = self.painter.painted_size(content, self.settings)
        except InputError as error:
            raise InputError(f"content: {job.content}: {error}") from error
        require_encodable(job.output, *size)
        picture = self.painter.paint(content, blend, self.settings)
        write_image(job.output, picture, self._record(job, content))
        return job.output

    def is_done(self, job: StylizeJob) -> bool:
        """Whether the output is there already, made from the same picture with the same settings."""
        if not job.output.exists():
            return False
        try:
            return read_settings(job.output) == self._record(job, load_picture(job.content, "content"))
        except InputError:
            return False

    def _record(self, job: StylizeJob, content: np.ndarray) -> dict[str, Any]:
        """What is stored in the picture's metadata: enough to make it again, and to know that it is it."""
        pictures = [_digest(content), *self._style(job)[1]]
        return {**record_of(job, self.settings, self.painter), "pictures": pictures}

    def _style(self, job: StylizeJob) -> tuple[np.ndarray, list[str]]:
        """The blend, and hashes of its paintings; kept, since a folder of photos is painted in one style."""
        key = job.styles, job.style_weights
        if key not in self._known:
            paintings = () if job.named_styles else job.styles
            digests = [_digest(load_picture(name, "style")) for name in paintings]
            self._known[key] = self.painter.blend(job.styles, job.style_weights), digests
        return self._known[key]


def _digest(picture: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(picture).data).hexdigest()


def record_of(job: StylizeJob, settings: FastSettings, painter: Painter) -> dict[str, Any]:
    """How something was made."""
    return {
        "program": f"nst_keras {__version__}",
        "content": job.content,
        "styles": list(job.styles),
        "style_weights": list(job.style_weights),
        "stylizer": painter.spec,
        "stylizer_digest": painter.digest,
        "settings": settings.to_dict(),
    }
