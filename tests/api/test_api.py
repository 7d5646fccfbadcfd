"""The functions and objects that Python users import."""

import io
import json
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import nst_keras.api as nst
from nst_keras.api import style_transfer
from nst_keras.pictures.images import read_settings
from nst_keras.transfer.objective import Objective

# Two layers, so that a step costs little.
SMALL = {
    "size": 32,
    "num_steps": 3,
    "coarse_steps": 0,
    "content_layers": {"relu2_1": 1},
    "style_layers": ["relu1_1", "relu2_1"],
}


@pytest.fixture(scope="module")
def transfer(real_weights: object) -> nst.StyleTransfer:
    return nst.StyleTransfer("preview", vgg="8bit", **SMALL)


@pytest.fixture(scope="module")
def rgb() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, [24, 32, 3], np.uint8)


def test_equal_pictures_paint_equally(transfer: nst.StyleTransfer, rgb: np.ndarray) -> None:
    expected = transfer(rgb, "sample:ink")
    assert expected.shape == (24, 32, 3) and expected.dtype == np.uint8
    for content in (rgb / 255, Image.fromarray(rgb), rgb.astype(np.uint16) * 257):
        np.testing.assert_array_equal(transfer(content, "sample:ink"), expected)


def test_a_start_is_a_name_or_a_picture(transfer: nst.StyleTransfer, rgb: np.ndarray) -> None:
    starts = {
        str(start): nst.stylize(rgb, "sample:ink", settings=transfer.settings, vgg="8bit", init=start)
        for start in (None, "noise", "sample:flower")
    }
    assert starts["noise"].recipe["settings"]["init"] == "noise"
    assert len({picture.tobytes() for picture in starts.values()}) == 3


def test_the_network_is_built_once(
    transfer: nst.StyleTransfer,
    rgb: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("a network is built anew")

    monkeypatch.setattr(Objective, "__init__", fail)
    for size in (24, 32, 40):
        painting = nst.stylize(rgb, rgb[::-1], settings=transfer.settings, vgg="8bit", size=size)
        assert painting.shape[1] == size
    objective, _ = style_transfer._network(transfer.settings, "8bit")
    assert objective.tracing_count() == 1
    assert "retracing" not in capfd.readouterr().err
    # Weights of the loss are another network's business.
    with pytest.raises(AssertionError):
        nst.stylize(rgb, rgb, settings=transfer.settings, vgg="8bit", content_weight=3)


def test_threads_share_an_object(transfer: nst.StyleTransfer, rgb: np.ndarray) -> None:
    alone = [transfer(rgb, "sample:ink"), nst.paint(rgb, "starry_night", size=32)]
    results: list[list[nst.Painting]] = []

    def work() -> None:
        results.append([transfer(rgb, "sample:ink"), nst.paint(rgb, "starry_night", size=32)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for pair in results:
        for painting, expected in zip(pair, alone, strict=True):
            np.testing.assert_array_equal(painting, expected)


def test_many_photos_in_one_call(transfer: nst.StyleTransfer, rgb: np.ndarray) -> None:
    one, other = transfer(rgb, "sample:ink"), transfer(rgb[:20], "sample:ink")
    paintings = transfer([rgb, rgb[:20]], "sample:ink")
    assert isinstance(paintings, list)
    np.testing.assert_array_equal(paintings[0], one)
    np.testing.assert_array_equal(paintings[1], other)
    batch = nst.paint(np.stack([rgb, rgb[::-1]]), "starry_night", size=32)
    assert batch.shape == (2, 24, 32, 3)
    np.testing.assert_array_equal(batch[1], nst.paint(rgb[::-1], "starry_night", size=32))


def test_weights_by_name_count(transfer: nst.StyleTransfer, rgb: np.ndarray) -> None:
    styles = ["sample:ink", "sample:strokes"]
    in_order = transfer(rgb, styles, style_weights=[1, 3])
    for weights in ({"sample:strokes": 3, "sample:ink": 1}, {"sample:ink": 0.25, "sample:strokes": 0.75}):
        np.testing.assert_array_equal(transfer(rgb, styles, style_weights=weights), in_order)
        np.testing.assert_array_equal(transfer(rgb, {name: weights[name] for name in styles}), in_order)
    assert (transfer(rgb, styles) != in_order).any()
    names = nst.styles()[:2]
    blended = nst.paint(rgb, {names[0]: 1, names[1]: 3}, size=32)
    np.testing.assert_array_equal(nst.paint(rgb, names, style_weights=[1, 3], size=32), blended)


def test_regions_are_painted_or_kept(transfer: nst.StyleTransfer, rgb: np.ndarray) -> None:
    mask = np.zeros(rgb.shape[:2], np.uint8)
    mask[:, : rgb.shape[1] // 2] = 255
    painted = transfer(rgb, "sample:ink", content_mask=mask)
    photo = transfer(rgb, "sample:ink", content_mask=255 - mask)
    whole = np.asarray(nst.stylize(rgb, "sample:ink", settings=transfer.settings, strength=0))
    middle = whole.shape[1] // 2
    np.testing.assert_array_equal(painted[:, middle + 2 :], whole[:, middle + 2 :])
    np.testing.assert_array_equal(photo[:, : middle - 2], whole[:, : middle - 2])
    assert (painted[:, :middle] != whole[:, :middle]).any()
    with pytest.raises(nst.InputError, match="content_mask must have a region red"):
        transfer(rgb, "sample:ink", content_mask=mask, style_mask="red")


def test_transparency_is_kept(transfer: nst.StyleTransfer, rgb: np.ndarray, tmp_path: Path) -> None:
    alpha = np.tile(np.linspace(0, 255, 32).astype(np.uint8), (24, 1))
    content = np.dstack([rgb, alpha])
    for painting in (transfer(content, "sample:ink"), nst.paint(content, "starry_night", size=32)):
        np.testing.assert_array_equal(painting[..., 3], alpha)
        assert painting.to_image().mode == "RGBA"
        np.testing.assert_array_equal(nst.image(painting.save(tmp_path / "a.png")), painting)
        assert nst.image(painting.save(tmp_path / "a.jpg")).mode == "RGB"
    assert nst.paint(content, "starry_night", size=64).shape == (48, 64, 4)


def test_a_painting_is_saved_with_its_recipe(
    transfer: nst.StyleTransfer, rgb: np.ndarray, tmp_path: Path
) -> None:
    photo = tmp_path / "photos" / "cat.png"
    photo.parent.mkdir()
    Image.fromarray(rgb).save(photo)
    painting = transfer(photo, "sample:ink")
    assert painting.recipe is not None and painting.recipe["content"] == str(photo)
    stored = read_settings(nst.save(painting, tmp_path / "new" / "folder" / "p.png"))
    assert (stored["content"], stored["styles"]) == ("cat.png", ["sample:ink"])
    assert stored["settings"]["num_steps"] == 3 and str(tmp_path) not in json.dumps(stored)
    full = read_settings(nst.save(painting, tmp_path / "p.webp", metadata="full"))
    assert full == json.loads(json.dumps(painting.recipe))
    for saved in (
        nst.save(painting, tmp_path / "none.png", metadata="none"),
        nst.save(painting[::-1], tmp_path / "turned.png"),
        nst.save(rgb, tmp_path / "rgb.png"),
    ):
        with pytest.raises(nst.InputError, match="holds no settings"):
            read_settings(saved)
    np.testing.assert_array_equal(nst.image(tmp_path / "rgb.png"), rgb)
    with pytest.raises(nst.InputError, match="metadata must be one of full, names, none"):
        nst.save(painting, tmp_path / "x.png", metadata="some")
    with pytest.raises(nst.InputError, match="suffix must be one of"):
        nst.save(painting, tmp_path / "x.doc")


def test_notebooks_show_a_painting(rgb: np.ndarray) -> None:
    painting = nst.paint(rgb, "starry_night", size=32)
    shown = painting._repr_png_()
    assert shown is not None
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(shown))), painting)
    assert painting[0]._repr_png_() is None


def test_a_callback_sees_short_progress_and_may_end_it(transfer: nst.StyleTransfer, rgb: np.ndarray) -> None:
    seen: list[nst.Progress] = []

    def stop_at_two(progress: nst.Progress) -> bool:
        seen.append(progress)
        return progress.step == 2

    transfer(rgb, "sample:ink", callback=stop_at_two)
    assert [progress.step for progress in seen] == [1, 2]
    assert len(repr(seen[0])) < 200 and "1/3" in repr(seen[0])
    nst.LivePreview()(seen[0])  # no notebook is no error


def test_a_bar_shows_steps_if_asked(
    transfer: nst.StyleTransfer, rgb: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    transfer(rgb, "sample:ink")
    assert capsys.readouterr().err == ""
    transfer(rgb, "sample:ink", progress=True)
    shown = capsys.readouterr().err
    assert "3/3" in shown and "loss" in shown
    nst.paint([rgb, rgb], "starry_night", size=32, progress=True)
    assert "2/2" in capsys.readouterr().err


@pytest.mark.parametrize(
    "changes,words",
    [
        ({"settings": "prevew"}, "Did you mean preview?"),
        ({"sise": 3}, "Did you mean size?"),
        ({"size": 0}, "size must be a whole number, at least 1"),
        ({"style_weights": [1, 2]}, "one weight for each style"),
        ({"style_layers": ["conv9_1"]}, "conv9_1"),
        ({"vgg": "none"}, "vgg must be one of"),
    ],
)
def test_mistakes_are_told_in_python_words(rgb: np.ndarray, changes: dict[str, object], words: str) -> None:
    with pytest.raises(nst.InputError) as refused:
        nst.stylize(rgb, rgb, **changes)  # type: ignore[arg-type]
    assert words in str(refused.value) and "--" not in str(refused.value)


def test_unknown_styles_are_told_in_python_words(rgb: np.ndarray) -> None:
    with pytest.raises(nst.InputError) as refused:
        nst.paint(rgb, "stary_night")
    assert "Did you mean starry_night?" in str(refused.value) and "--" not in str(refused.value)


def test_everything_public_is_described() -> None:
    for name in nst.__all__:
        assert getattr(nst, name).__doc__ or name in ("Callback", "ImageLike"), name
    assert set(nst.samples()) >= {"sample:china", "sample:ink"}
    assert nst.presets()["preview"] == nst.settings("preview")


def test_a_notebook_shows_the_picture_so_far_in_one_place(
    transfer: nst.StyleTransfer, rgb: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[str, Image.Image]] = []

    def display(picture: Image.Image, display_id: bool) -> SimpleNamespace:
        shown.append(("new", picture))
        return SimpleNamespace(update=lambda picture: shown.append(("again", picture)))

    kernel = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: kernel))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    transfer(rgb, "sample:ink", callback=nst.LivePreview(every=2), progress=False)
    assert [place for place, _ in shown] == ["new", "again"]  # after steps 2 and 3, the last
    assert all(picture.size == (32, 24) for _, picture in shown)
