"""The estimate that is shown before a run."""

from dataclasses import replace
from unittest.mock import Mock

import psutil
import pytest

from nst_keras.transfer.memory import estimate_memory, tile_side
from nst_keras.transfer.presets import PRESETS
from nst_keras.transfer.settings import StyleTransferSettings


def test_grows_with_the_picture_the_depth_and_the_history() -> None:
    settings = StyleTransferSettings()
    usual = estimate_memory(settings, 384, 512)
    # The benchmark's runs of this size peak between 1.9 and 2.4 GB.
    assert 1.5e9 < usual < 3e9
    assert estimate_memory(settings, 768, 1024) > 1.5 * usual
    assert estimate_memory(replace(settings, optimizer="adam"), 384, 512) < usual
    shallow = replace(settings, style_layers={"relu1_1": 1.0}, content_layers={"relu1_2": 1.0})
    assert estimate_memory(shallow, 384, 512) < usual


def test_a_picture_that_does_not_fit_is_looked_at_in_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    settings, free = StyleTransferSettings(), Mock(available=7.5e9)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    assert tile_side(settings, 384, 512) == 0
    for large in (settings, PRESETS["best"]):
        side = tile_side(large, 4096, 4096)
        assert side > 0 and estimate_memory(large, 4096, 4096, side) < 6e9
    free.available = 1e9
    assert tile_side(settings, 4096, 4096) == 256, "the smallest, whatever that takes"
    assert tile_side(replace(settings, tile_size=64), 100, 100) == 64
    assert tile_side(replace(settings, tile_size=64), 64, 64) == 0


def test_neighbors_take_more_than_statistics_by_adam() -> None:
    adam, neighbors = StyleTransferSettings(optimizer="adam"), StyleTransferSettings(method="nn")
    for sides in ((384, 512), (768, 1024)):
        assert (
            estimate_memory(adam, *sides)
            < estimate_memory(neighbors, *sides)
            < 3 * estimate_memory(adam, *sides)
        )
