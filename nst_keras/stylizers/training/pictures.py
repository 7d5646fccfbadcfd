"""The pictures that a stylizer is trained with and judged by."""

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from nst_keras.data.photos import load_photos
from nst_keras.errors import InputError
from nst_keras.pictures.by_name import SAMPLE, load_picture
from nst_keras.pictures.images import list_images
from nst_keras.pictures.resizing import fit_size, resize
from nst_keras.pictures.samples import CONTENTS
from nst_keras.stylizers.architecture import ARCHITECTURES
from nst_keras.stylizers.training.plan import StylizerPlan
from nst_keras.stylizers.training.trainee import TrainingPictures

_GAP = 4  # pixels between the pictures of a sheet
_MOST_SHOWN = 4  # of the paintings of a training, in a sheet


def load_training_pictures(
    plan: StylizerPlan, style_size: int, note: Callable[[str], None] = lambda text: None
) -> TrainingPictures:
    """Reads the pictures that a plan names, paintings with their longest side at `style_size` pixels.

    `note` is called with a line of text about files that are left out.
    """
    photos = _load_photos(plan, note)
    names = filter(None, (name.strip() for name in plan.preview.split(",")))
    previews = [fitted(load_picture(name, "preview"), plan.preview_size) for name in names]
    if ARCHITECTURES[plan.architecture].named_styles:
        return TrainingPictures(_load_styles(plan.styles, style_size), photos, previews)
    paintings = _load_paintings(plan, style_size, note)
    if not (previews and plan.preview_styles):
        return pictures_for_any(paintings, photos, previews)
    shown = _load_styles(plan.preview_styles, style_size, "preview_styles")
    return TrainingPictures(paintings, photos, previews, shown)


def pictures_for_any(
    paintings: Mapping[str, np.ndarray], photos: Sequence[np.ndarray], previews: Sequence[np.ndarray]
) -> TrainingPictures:
    """Pictures for a stylizer of any painting; previews are painted in the first few."""
    first = itertools.islice(paintings.items(), _MOST_SHOWN if previews else 0)
    shown = {name: painting.astype(np.float32) for name, painting in first}
    return TrainingPictures(paintings, photos, previews, shown)


def _load_paintings(
    plan: StylizerPlan, longest_side: int, note: Callable[[str], None]
) -> dict[str, np.ndarray]:
    """Many paintings, uint8 [h, w, 3] each, none larger than that, by numbers as names."""
    if os.path.isdir(plan.styles):
        paintings = load_photos(plan.styles, longest_side=longest_side, most=plan.most_paintings, note=note)
    else:
        styles = _load_styles(plan.styles, longest_side).values()
        paintings = [painting.astype(np.uint8) for painting in styles][: plan.most_paintings]
    return {str(number): painting for number, painting in enumerate(paintings)}


def _load_styles(spec: str, longest_side: int, role: str = "styles") -> dict[str, np.ndarray]:
    """Paintings of a folder, or of files and `sample:NAME`s by commas, float32 on 0..255, by their names."""
    paths = [str(path) for path in list_images(spec)] if os.path.isdir(spec) else spec.split(",")
    styles: dict[str, np.ndarray] = {}
    for path in filter(None, (path.strip() for path in paths)):
        name = path.removeprefix(SAMPLE) if path.startswith(SAMPLE) else Path(path).stem
        if name in styles:
            raise InputError(f"{role}: two paintings are named {name}; rename one of the files")
        styles[name] = fitted(load_picture(path, role), longest_side)
    return styles


def _load_photos(plan: StylizerPlan, note: Callable[[str], None]) -> list[np.ndarray]:
    if plan.photos == "samples":
        samples = [load_picture(SAMPLE + name, "photos") for name in CONTENTS]
        return [fitted(photo, plan.photo_size).astype(np.uint8) for photo in samples]
    return load_photos(
        plan.photos, longest_side=plan.photo_size, most=plan.most_photos, data_dir=plan.data_dir, note=note
    )


def fitted(image: np.ndarray, longest_side: int) -> np.ndarray:
    """A picture with its longer side at a length, clipped to 0..255."""
    return np.clip(resize(image, *fit_size(image, longest_side)), 0.0, 255.0)


def draw_sheet(
    photos: Sequence[np.ndarray], styles: Mapping[str, np.ndarray], pictures: Sequence[Sequence[np.ndarray]]
) -> np.ndarray:
    """Every photo in every style, uint8 [height, width, 3]: photos on the left, paintings above.

    Args:
        photos: [h, w, 3] on 0..255.
        styles: Paintings by name.
        pictures: For each photo its pictures in these styles, none larger than the photo.
    """
    side = max(max(photo.shape[:2]) for photo in photos)
    blank = np.full([side // 2, side, 3], 255.0)
    rows = [[blank, *(_inside(style, side, side // 2) for style in styles.values())]]
    rows += [[photo, *painted] for photo, painted in zip(photos, pictures, strict=True)]
    heights = [max(picture.shape[0] for picture in row) for row in rows]
    size = (len(rows[0]) * (side + _GAP) - _GAP, sum(heights) + _GAP * (len(rows) - 1))
    sheet = Image.new("RGB", size, "white")
    top = 0
    for row, height in zip(rows, heights, strict=True):
        for column, picture in enumerate(row):
            pixels = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
            sheet.paste(Image.fromarray(pixels), (column * (side + _GAP), top))
        top += height + _GAP
    return np.asarray(sheet)


def _inside(image: np.ndarray, width: int, height: int) -> np.ndarray:
    scale = min(width / image.shape[1], height / image.shape[0])
    return resize(image, *(max(1, round(scale * side)) for side in image.shape[:2]))
