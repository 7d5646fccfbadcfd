"""What the lesson shows of a photo: maps, places that look alike, and which channels answer together."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.studio.workers import features
from nst_keras.studio.workers.features import like_places, most_active, tile_sheet, write_features

from .conftest import Client, Run, picture
from .test_recipes import Painter


def _maps() -> np.ndarray:
    """Ten channels [12, 16, 10], of which 7 says the most, then 2, and 4 is loud at the border alone."""
    maps = np.random.default_rng(0).uniform(0, 0.1, (12, 16, 10)).astype(np.float32)
    maps[:, 8:, 7] += 9
    maps[6:, :, 2] += 4
    maps[0, :, 4] += 100
    return maps


def test_channels_that_say_most_come_first() -> None:
    maps = _maps()
    assert most_active(maps, 2) == [7, 2]
    sheet = tile_sheet(maps[..., [7, 2, 4, 0, 1]])
    assert (sheet.shape, sheet.dtype) == ((2 * 72, 4 * 96), np.uint8)
    assert sheet[:72, 60:90].mean() > 250 and sheet[:72, :36].mean() < 10
    assert sheet[72:, 96:].max() == 0, "there is no sixth"


def test_places_with_like_features_have_like_colours() -> None:
    colors = like_places(_maps()[2:-2])
    assert (colors.shape, colors.dtype) == ((8, 16, 3), np.uint8)
    left, right = colors[:, :8].reshape(-1, 3), colors[:, 8:].reshape(-1, 3)
    assert abs(left.mean(0) - right.mean(0)).max() > 50
    assert left[:, 0].std() < 5
    assert like_places(np.zeros((1, 1, 4), np.float32)).shape == (1, 1, 3)


def _opened(text: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


def test_the_page_gets_what_a_layer_sees(
    visit: Run, random_weights: VGG19Weights, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("nst_keras.weights.vgg19.load_vgg19", lambda *_: random_weights)
    features._network.cache_clear()
    asked: list[dict[str, Any]] = []

    class Looker(Painter):
        def __init__(self) -> None:
            return

        async def paint(self, task: dict[str, Any]) -> float:
            asked.append(task)
            write_features(task)
            return 0.0

    async def scene(client: Client) -> None:
        client.studio._painter = Looker()
        photo = (await client("PUT", "/api/pictures?name=p.png", picture(64, 48))).json["id"]
        wish = {"layer": "relu2_1", "pictures": [photo, "sample:ink"]}
        seen = (await client("POST", "/api/learn/features", wish)).json
        assert len(seen["channels"]) == 16 and len(seen["together"]) == 8
        assert _opened(seen["sheet"]).shape == (4 * 72, 4 * 96)
        assert _opened(seen["places"]).shape == (24, 32, 3)
        tables = np.array([each["gram"] for each in seen["pictures"]])
        assert tables.shape == (2, 8, 8) and tables.max() == 1
        np.testing.assert_array_equal(tables, tables.swapaxes(1, 2))
        values = features._features(*_cached(asked[0]["pictures"][1]))["relu2_1"][..., seen["together"]]
        gram = np.einsum("hwc,hwd->cd", values, values)
        np.testing.assert_allclose(tables[1] / tables[1].max(), gram / gram.max(), atol=2e-4)
        for wrong, status, reason in (
            ({**wish, "layer": "relu9_9"}, 400, "layer must be one of relu1_1"),
            ({**wish, "layer": ["relu1_1"]}, 400, "layer must be one of"),
            ({**wish, "pictures": []}, 400, "at most 3"),
            ({**wish, "pictures": photo}, 400, "at most 3"),
            ({**wish, "pictures": ["/etc/passwd"]}, 404, "bring the picture again"),
        ):
            reply = await client("POST", "/api/learn/features", wrong)
            assert (reply.status, reason in reply.json["error"]) == (status, True), reply.body

    visit(scene)
    features._network.cache_clear()
    features._features.cache_clear()
    assert not list((tmp_path / "studio" / "fresh").iterdir())


def _cached(name: str) -> tuple[str, object]:
    return name, features.file_stamp(name)


def test_a_photo_like_a_thread_is_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Image.new("RGB", (3000, 16), "teal").save(tmp_path / "thread.png")
    monkeypatch.setattr(features, "_network", lambda: lambda image: {"shape": image.shape})
    assert features._features.__wrapped__(str(tmp_path / "thread.png"), ()) == {"shape": (16, 384, 3)}
