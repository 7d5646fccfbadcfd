"""From picture files to picture files by a trained stylizer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nst_keras.errors import InputError
from nst_keras.pictures.by_name import PictureReader
from nst_keras.pictures.images import require_encodable
from nst_keras.pictures.masks import WHOLE, Region, named_regions
from nst_keras.pictures.plan import StylizeJob, blend_shares
from nst_keras.pictures.record import Records, record_of, write_painting
from nst_keras.pictures.transparency import Pixels
from nst_keras.stylizers.by_name import maker_of
from nst_keras.stylizers.painter import PaintedPart, Painter
from nst_keras.stylizers.settings import FastSettings


@dataclass(frozen=True)
class PreparedPainting:
    """A job before it is painted: its content, blends, and what is stored in the picture."""

    job: StylizeJob
    content: Pixels
    parts: Sequence[PaintedPart]
    record: Mapping[str, Any]


class FastStylize:
    """A painter with settings, for any number of jobs."""

    def __init__(self, settings: FastSettings, painter: Painter) -> None:
        self.settings, self.painter = settings, painter
        self._read = PictureReader()
        self.records = Records(settings, maker_of(self.painter.spec, self.painter.digest), self._read)
        # A folder of photos is painted in one style.
        self._blends: dict[tuple[Any, ...], np.ndarray] = {}

    def prepare(self, job: StylizeJob) -> PreparedPainting:
        """Reads what a job needs; see `check_job`."""
        record, content = self.records.of(job), self._read.pixels(job.content, "content")
        whole = Region(WHOLE, [], blend_shares(job.style_weights, len(job.styles)))
        regions = named_regions(job, self._read) or [whole]
        parts = [PaintedPart(region.mask, self._blend(job.styles, region.blend)) for region in regions]
        return PreparedPainting(job, content, parts, record)

    def _blend(self, styles: Sequence[str], shares: Sequence[float]) -> np.ndarray:
        chosen = tuple((style, share) for style, share in zip(styles, shares, strict=True) if share)
        if chosen not in self._blends:
            names, weights = [name for name, _ in chosen], [share for _, share in chosen]
            self._blends[chosen] = self.painter.blend(names, weights, self._read)
        return self._blends[chosen]

    def run(self, prepared: PreparedPainting) -> Path:
        """Makes a picture and writes it, with the settings in its metadata; returns where it is."""
        job, content = prepared.job, prepared.content.rgb
        try:
            size = self.painter.painted_size(content, self.settings)
        except InputError as error:
            raise InputError(f"content: {job.content}: {error}") from error
        require_encodable(job.output, *size)
        job.make_folder()
        painted = self.painter.paint_parts(content, prepared.parts, self.settings)
        write_painting(job, painted, prepared.content, prepared.record)
        return job.output


def painted_record(job: StylizeJob, settings: FastSettings, painter: Painter) -> dict[str, Any]:
    """What is stored in what a stylizer paints."""
    return record_of(job, settings, maker_of(painter.spec, painter.digest))
