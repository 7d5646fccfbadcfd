"""Masks: what is a region, and which mistakes are told."""

import numpy as np
import pytest

from nst_keras.errors import InputError
from nst_keras.pictures.masks import kept_share, plan_regions, resize_mask, split_regions

PHOTO, PAINTING = np.zeros([40, 60, 3], np.float32), np.zeros([30, 30, 3], np.float32)
WHITE, BLACK, RED, BLUE = (255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 0, 255)


def _halves(left: tuple[int, ...], right: tuple[int, ...], height: int = 40, width: int = 60) -> np.ndarray:
    mask = np.empty([height, width, 3], np.float32)
    mask[:, : width // 2], mask[:, width // 2 :] = left, right
    return mask


@pytest.mark.parametrize("colors", [(WHITE, BLACK), (RED, BLUE), (WHITE, RED)])
def test_each_place_is_in_one_region_or_shared(colors: tuple[tuple[int, ...], ...]) -> None:
    rng = np.random.default_rng(0)
    mask = np.clip(_halves(*colors) + rng.uniform(-6, 6, (40, 60, 3)), 0, 255).astype(np.float32)  # as JPEG's
    regions = split_regions(mask)
    assert len(regions) == 2
    np.testing.assert_allclose(sum(regions.values()), 1, atol=1e-6)
    for region in regions.values():
        assert region.mean() == pytest.approx(0.5) and set(np.unique(region)) == {0, 1}
    for size in ((17, 23), (80, 120)):
        np.testing.assert_allclose(sum(resize_mask(r, *size) for r in regions.values()), 1, atol=1e-5)


def test_gray_is_a_soft_edge_and_smoothed_edges_of_colors_are_no_regions() -> None:
    ramp = np.linspace(0, 255, 60, dtype=np.float32)
    soft = split_regions(np.broadcast_to(ramp[:, np.newaxis], [40, 60, 3]))
    assert list(soft) == ["black", "white"]
    assert soft["white"][0, 30] == pytest.approx(0.5, abs=0.02)
    smoothed = _halves(RED, BLUE)
    smoothed[:, 30] = (128, 0, 128)
    smoothed[3, 3] = (0, 255, 0)
    assert list(split_regions(smoothed)) == ["red", "blue"]


def test_white_is_painted_and_black_stays() -> None:
    (region,) = plan_regions(PHOTO, [PAINTING], [1.0], _halves(WHITE, BLACK))
    assert (region.blend, region.style_masks) == ([1.0], [None])
    kept = kept_share([region], 40, 60)
    assert kept[:, :30].max() == 0 and kept[:, 30:].min() == 1


def test_paintings_are_for_their_regions() -> None:
    own = _halves(RED, (0, 255, 0), 20, 20)  # green is nowhere in the photo
    styles, blend = [PAINTING] * 3, [0.5, 0.25, 0.25]
    mask = _halves(RED, BLUE)
    red, blue = plan_regions(PHOTO, styles, blend, mask, ["red", "blue", own])
    assert red.blend == pytest.approx([2 / 3, 0, 1 / 3])
    assert blue.blend == [0, 1, 0]
    assert red.style_masks[0] is None and red.style_masks[2].mean() == 0.5
    assert kept_share([red, blue], 7, 9).max() == pytest.approx(0, abs=1e-6)


def _one_pixel() -> np.ndarray:
    mask = np.zeros([40, 60, 3], np.float32)
    mask[5, 5] = 255
    return mask


@pytest.mark.parametrize(
    "mask,style_masks,message",
    [
        (_halves((255, 150, 0), (120, 60, 200)), [], "content_mask must be gray, or of the colours black, w"),
        (
            np.zeros([60, 40, 3]),
            [],
            "content_mask must have the shape of its picture, 60x40. Received: 40x60",
        ),
        (_halves(WHITE, BLACK), [np.zeros([30, 40, 3])], "style_mask must have the shape .* 30x30"),
        (_one_pixel(), [], "must have a region white, of 0.1 % of the picture at least. It has black"),
        (_halves(RED, BLUE), [], "must have a region white.* It has red and blue; style_mask says"),
        (_halves(RED, BLUE), ["green"], "must have a region green"),
        (
            _halves(RED, BLUE),
            [_halves(WHITE, BLACK, 30, 30)],
            "in common .* black and white, for red and blue",
        ),
        (_halves(RED, BLUE), ["red", "blue"], "one for each style image. Received: 2 for 1"),
    ],
)
def test_masks_that_mean_nothing_are_refused(mask: np.ndarray, style_masks: list, message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan_regions(PHOTO, [PAINTING], [1.0], mask, style_masks)


def test_a_mask_may_be_smaller_or_larger_than_its_picture() -> None:
    for height, width in ((20, 30), (13, 20), (400, 600)):
        assert plan_regions(PHOTO, [PAINTING], [1.0], np.full([height, width, 3], 255.0))
