"""Masks: which part of a photo is painted after which paintings, or after which parts of them.

A mask is a picture of the same shape whose colours name regions: black, white, red, green, blue, yellow, cyan
and magenta. Each place belongs to the region of the nearest of those that the mask has. A mask in gray has
soft edges: gray belongs in part to white and in part to black.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from nst_keras.errors import InputError
from nst_keras.pictures.by_name import Reader
from nst_keras.pictures.plan import StylizeJob, blend_shares
from nst_keras.pictures.settings import REGION_COLORS

WHOLE = np.ones((1, 1), np.float32)  # the mask of a whole picture
PAINTED_REGION = "white"  # what styles without a mask are for

# Below that, edges that were smoothed, or a slip of the brush, would count as regions.
_LEAST_SHARE = 1e-3
# Levels by which channels of a gray mask may differ, and by which JPEG changes black and white.
_GRAY, _NOISE = 32, 8
# Levels by which a channel of a colour may be off, and how much of a mask may be off by more: soft edges.
_OFF, _MOST_OFF = 64, 0.2


@dataclass(frozen=True)
class Region:
    """A part of the photo, and what it is painted after.

    Attributes:
        mask: How much of each place belongs to it: float32 [h, w] on 0..1, of any size.
        style_masks: For each style the same for the part that counts here; None if all of it does.
        blend: Share of each style; they add up to 1.
    """

    mask: np.ndarray
    style_masks: Sequence[np.ndarray | None]
    blend: Sequence[float]


def split_regions(mask: np.ndarray) -> dict[str, np.ndarray]:
    """How much of each place, float32 [H, W], belongs to each region of a mask [H, W, 3] on 0..255.

    They add up to 1. Regions of less than a thousandth of the picture are no regions.

    Raises:
        InputError: If much of the mask has other colours.
    """
    if (np.ptp(mask, axis=-1) < _GRAY).mean() > 1 - _LEAST_SHARE:
        white = np.clip((mask.mean(-1) - _NOISE) / (255 - 2 * _NOISE), 0, 1).astype(np.float32)
        found = {"black": 1 - white, "white": white}
        regions = {name: share for name, share in found.items() if share.mean() >= _LEAST_SHARE}
        return regions if len(regions) == 2 else {name: np.ones_like(white) for name in regions}
    off = {name: np.abs(mask - np.array(color, np.float32)) for name, color in REGION_COLORS.items()}
    shares = {name: (distance.max(-1) < _OFF).mean() for name, distance in off.items()}
    if sum(shares.values()) < 1 - _MOST_OFF:
        raise InputError(f"must be gray, or of the colours {', '.join(REGION_COLORS)}")
    names = [name for name, share in shares.items() if share >= _LEAST_SHARE]
    nearest = np.argmin([np.square(off[name]).sum(-1) for name in names], axis=0)
    return {name: (nearest == number).astype(np.float32) for number, name in enumerate(names)}


def resize_mask(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes a region's mask, float32 [h, w]; sums of masks stay what they are."""
    if mask.shape == (height, width):
        return mask
    resized = Image.fromarray(mask).resize((width, height), Image.Resampling.BILINEAR)
    return np.clip(np.asarray(resized), 0, 1)


def kept_share(regions: Sequence[Region], height: int, width: int) -> np.ndarray:
    """How much of each place is in no region, and so stays the photo: float32 [height, width]."""
    painted = sum(resize_mask(region.mask, height, width) for region in regions)
    return np.clip(1 - painted, 0, 1)


def plan_regions(
    content: np.ndarray,
    styles: Sequence[np.ndarray],
    blend: Sequence[float],
    content_mask: np.ndarray,
    style_masks: Sequence[str | np.ndarray] = (),
) -> list[Region]:
    """The regions of a photo that are painted, at least one.

    Args:
        content: The photo, [H, W, 3].
        styles: Paintings.
        blend: Share of each.
        content_mask: The photo's mask, [h, w, 3] on 0..255, of the photo's shape.
        style_masks: For each painting the region that it is for, by its colour's name, or a mask of its own:
            each part of it is then for the region of the same colour. None at all: all are for white.

    Raises:
        InputError: If a mask has another shape than its picture or nothing in common with the photo's, or a
            region isn't there.
    """
    parts = _regions_of(content_mask, content, "content_mask")
    masks = list(style_masks) or [PAINTED_REGION] * len(styles)
    if len(masks) != len(styles):
        expected = "style_mask must have one for each style image"
        raise InputError(f"{expected}. Received: {len(masks)} for {len(styles)}")
    by_style = [_style_parts(mask, style, parts) for mask, style in zip(masks, styles, strict=True)]
    regions = []
    for name, part in parts.items():
        shares = [share * (name in own) for share, own in zip(blend, by_style, strict=True)]
        if total := sum(shares):
            chosen = [own.get(name) for own in by_style]
            regions.append(Region(part, chosen, [share / total for share in shares]))
    if not regions:
        raise InputError("style_weights must be above 0 for a style of a region")
    return regions


def job_regions(job: StylizeJob, read: Reader) -> list[Region]:
    """The regions of a job (see `plan_regions`); none if it has no mask."""
    if not job.content_mask:
        if job.style_masks:
            raise InputError("style_mask needs a content_mask, whose regions it is about")
        return []
    return plan_regions(
        read(job.content, "content"),
        [read(name, "style") for name in job.styles],
        blend_shares(job.style_weights, len(job.styles)),
        read(job.content_mask, "content_mask"),
        [name if name in REGION_COLORS else read(name, "style_mask") for name in job.style_masks],
    )


def require_names(style_masks: Sequence[str | np.ndarray]) -> None:
    """Raises an InputError unless styles are for regions by their colours' names alone."""
    for mask in style_masks:
        if not isinstance(mask, str) or mask not in REGION_COLORS:
            expected = f"style_mask must be of {', '.join(REGION_COLORS)}, for a stylizer"
            received = mask if isinstance(mask, str) else "a picture"
            raise InputError(f"{expected}: parts of a painting are for the optimiser. Received: {received}")


def named_regions(job: StylizeJob, read: Reader) -> list[Region]:
    """Those of a job whose styles are for regions by name, as a stylizer paints them.

    Raises:
        InputError: As `plan_regions`; and if a style has a mask of its own.
    """
    require_names(job.style_masks)
    if not job.content_mask:
        return job_regions(job, read)
    content = read(job.content, "content")
    shares = blend_shares(job.style_weights, len(job.styles))
    mask = read(job.content_mask, "content_mask")
    return plan_regions(content, [content] * len(shares), shares, mask, job.style_masks)


def _style_parts(
    mask: str | np.ndarray, style: np.ndarray, parts: Mapping[str, np.ndarray]
) -> Mapping[str, np.ndarray | None]:
    """The parts of a painting by the region that they are for."""
    if isinstance(mask, str):
        if mask not in parts:
            raise InputError(
                f"content_mask must have a region {mask}, of 0.1 % of the picture at least. It has "
                f"{' and '.join(parts)}; style_mask says which one a style is for"
            )
        return {mask: None}
    own = _regions_of(mask, style, "style_mask")
    if not own.keys() & parts.keys():
        raise InputError(
            "style_mask must have a region in common with content_mask. Received: "
            f"{' and '.join(own)}, for {' and '.join(parts)}"
        )
    return own


def _regions_of(mask: np.ndarray, picture: np.ndarray, role: str) -> dict[str, np.ndarray]:
    (height, width), (own_height, own_width) = picture.shape[:2], mask.shape[:2]
    # One of the sides may have been rounded.
    off = min(abs(own_height - height * own_width / width), abs(own_width - width * own_height / height))
    if off > 1:
        raise InputError(
            f"{role} must have the shape of its picture, {width}x{height}. Received: {own_width}x{own_height}"
        )
    try:
        return split_regions(mask)
    except InputError as error:
        raise InputError(f"{role} {error}") from error
