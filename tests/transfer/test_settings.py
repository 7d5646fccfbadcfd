"""Settings refuse what makes no sense, by name; presets keep their promises."""

import json
from typing import Any

import pytest

from nst_keras.errors import InputError
from nst_keras.fields import parse_settings, recorded_settings
from nst_keras.transfer.presets import PRESETS
from nst_keras.transfer.settings import StyleTransferSettings


@pytest.mark.parametrize(
    "name,value",
    [
        ("size", 0),
        ("size", -5),
        ("size", 2.5),
        ("num_steps", 0),
        ("style_weight", float("nan")),
        ("content_weight", -1.0),
        ("learning_rate", 0.0),
        ("learning_rate", float("inf")),
        ("beta_1", 1.0),
        ("history_size", 0),
        ("style_scale", 0.0),
        ("optimizer", "newton"),
        ("pooling", "mean"),
        ("edges", "mirror"),
    ],
)
def test_out_of_range(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=f"^{name} must .*Received: {name}={value}"):
        StyleTransferSettings(**{name: value})


def test_unknown_layer_is_answered_with_the_list() -> None:
    with pytest.raises(InputError, match=r"relu1_1.*Received: style_layers=relu9_1"):
        StyleTransferSettings(style_layers={"relu9_1": 1.0})


@pytest.mark.parametrize(
    "changes",
    [
        {"content_weight": 0.0, "style_weight": 0.0},
        {"content_weight": 0.0, "style_layers": {"relu1_1": 0.0}},
        {"content_layers": {}, "style_layers": {}},
    ],
)
def test_something_must_be_compared(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="must not both be 0"):
        StyleTransferSettings(**changes)


@pytest.mark.parametrize(
    "changes,name",
    [
        ({"method": "nn", "content_weight": 3.0}, "content_weight"),
        ({"method": "nn", "style_layers": {"relu1_1": 1.0}}, "style_layers"),
        ({"method": "nn", "optimizer": "adam"}, "optimizer"),
        ({"method": "nn", "init": "noise"}, "init"),
        ({"content_share": 0.5}, "content_share"),
        ({"turn_style": True}, "turn_style"),
    ],
)
def test_what_a_method_would_ignore_is_refused(changes: dict[str, Any], name: str) -> None:
    with pytest.raises(InputError, match=f"^{name} has no effect with method=.*Received: {name}="):
        StyleTransferSettings(**changes)


def test_sizes_double_to_the_full_one() -> None:
    assert StyleTransferSettings(size=512, coarsest_size=128).scales() == [128, 256, 512]
    assert StyleTransferSettings(size=500, coarsest_size=128).scales() == [250, 500]
    assert StyleTransferSettings(size=100, coarsest_size=128).scales() == [100]
    assert StyleTransferSettings(size=512, coarse_steps=0).scales() == [512]
    assert PRESETS["crowsonkb"].scales() == [128, 181, 256, 362, 512]
    assert StyleTransferSettings(size=50, coarsest_size=1, scale_factor=1.01).scales() == [50]


def test_an_average_of_a_way_without_steps_to_average_is_refused() -> None:
    with pytest.raises(InputError, match=r"^ema has no effect with optimizer=lbfgs. Received: ema=0.5$"):
        StyleTransferSettings(ema=0.5)


def test_settings_survive_json_like_values() -> None:
    for preset in PRESETS.values():
        assert parse_settings(StyleTransferSettings, json.loads(json.dumps(preset.to_dict()))) == preset


def test_notebook_preset_has_the_notebooks_constants() -> None:
    notebook = PRESETS["notebook"]
    assert (notebook.content_weight, notebook.style_weight, notebook.tv_weight) == (5, 500, 100)
    assert list(notebook.content_layers) == ["relu4_2"]
    assert list(notebook.style_layers) == [f"relu{i}_1" for i in range(1, 6)]
    assert (notebook.num_steps, notebook.save_every, notebook.noise_ratio) == (500, 25, 0.256)
    assert (notebook.optimizer, notebook.beta_1, notebook.beta_2) == ("adam", 0.9, 0.999)


@pytest.mark.parametrize("name", ["color_tv_weight", "margin"])
def test_recipes_of_before_do_without_what_came_later(name: str) -> None:
    kept = {**StyleTransferSettings().to_dict(), "size": 96}
    del kept[name]
    assert recorded_settings(StyleTransferSettings, kept) == StyleTransferSettings(size=96, **{name: 0})
    assert getattr(StyleTransferSettings(), name) > 0


def test_recipes_of_neighbours_outlive_the_defaults_of_what_has_no_effect_there() -> None:
    settings = StyleTransferSettings(method="nn", size=96)
    kept = settings.to_dict() | {"style_loss": "gram", "style_layers": {"relu5_1": 1.0}, "ema": 0.0}
    assert recorded_settings(StyleTransferSettings, kept) == settings
    with pytest.raises(InputError, match=r"^style_layers has no effect with method=nn"):
        parse_settings(StyleTransferSettings, kept)


def test_recipes_without_a_loss_of_style_had_gram_matrices() -> None:
    kept = StyleTransferSettings().to_dict()
    del kept["style_loss"]
    assert recorded_settings(StyleTransferSettings, kept).style_loss == "gram"


def test_what_was_published_has_no_margin() -> None:
    assert {name for name, preset in PRESETS.items() if not preset.margin} == {
        "gatys",
        "notebook",
        "crowsonkb",
    }
