"""A field's value is read from text in one way, wherever the text comes from."""

# Types are resolved, so that annotations may be texts: this import makes them so.
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from absl import flags

from nst_keras.cli import field_flags
from nst_keras.errors import InputError
from nst_keras.fields import (
    FROM_ONE,
    SHARE,
    Settings,
    change_settings,
    choice,
    format_value,
    number,
    parse_settings,
    setting,
    weights_by_name,
)


@dataclass(frozen=True)
class Sizes(Settings):
    steps: int = number(3, "Steps.", FROM_ONE)
    rate: float = number(0, "Rate.", SHARE)


@dataclass(frozen=True)
class Everything(Sizes):
    flip: bool = setting(False, "Mirror.")
    name: str = setting("", "Name.")
    kind: str = choice("a", "Kind", ("a", "b"))
    once: str = choice("no one", "Once on or off", ("no one", "some", "all"), switch=("no one", "some"))
    layers: Mapping[str, float] = weights_by_name({"one": 1.0}, "Layers")
    sides: tuple[int, ...] = setting((1, 2), "Sides.")
    limit: int | None = number(None, "Limit.", FROM_ONE)
    corner: tuple[int, int] | None = setting(None, "Corner.")


TEXTS = {
    "steps": "7",
    "rate": "1",
    "flip": "yes",
    "name": "a,b",
    "kind": "b",
    "once": "all",
    "layers": "x, y:0.5",
} | {
    "sides": "4,5",
    "limit": "9",
    "corner": "3,0",
}
VALUES = Everything(7, 1.0, True, "a,b", "b", "all", {"x": 1.0, "y": 0.5}, (4, 5), 9, (3, 0))


def test_texts_and_json_and_flags_mean_the_same() -> None:
    assert parse_settings(Everything, TEXTS) == VALUES
    assert (
        parse_settings(Everything, VALUES.to_dict() | {"rate": 1, "sides": [4, 5], "corner": [3, 0]})
        == VALUES
    )
    assert change_settings(Everything(flip=True), TEXTS | {"flip": "off"}).flip is False
    flag_values = flags.FlagValues()
    field_flags.define(Everything, flag_values)
    flag_values(
        ["command", *(f"--{name}={text}" for name, text in TEXTS.items() if name != "flip"), "--flip"]
    )
    assert field_flags.parsed(Everything, flag_values) == VALUES


@pytest.mark.parametrize("value,word", [(True, "some"), (False, "no one"), ("on", "some"), ("all", "all")])
def test_a_choice_that_was_on_or_off_once_still_can_be(value: Any, word: str) -> None:
    assert parse_settings(Everything, {"once": value}).once == word
    assert Everything(once=word).once == word
    if isinstance(value, bool):
        assert Everything(once=value).once == word  # type: ignore[arg-type]
        flag_values = field_flags.flags_of(Everything)
        flag_values(["command", "--once" if value else "--noonce"])
        assert field_flags.given(Everything, flag_values) == {"once": word}


def test_values_come_back_from_the_way_they_are_shown() -> None:
    shown = {name: format_value(value) for name, value in vars(VALUES).items()}
    assert parse_settings(Everything, shown) == VALUES


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"steps": "2.5"}, "steps must be a whole number. Received: steps=2.5"),
        ({"steps": 2.5}, "steps must be a whole number. Received: steps=2.5"),
        ({"steps": True}, "steps must be a whole number"),
        ({"steps": "0"}, "steps must be a whole number, at least 1. Received: steps=0"),
        ({"rate": "fast"}, "rate must be a number. Received: rate=fast"),
        ({"rate": "nan"}, "rate must be a finite number, from 0 to 1"),
        ({"rate": 1.5}, "rate must be a finite number, from 0 to 1. Received: rate=1.5"),
        ({"flip": "maybe"}, "flip must be one of true, yes, on, 1, false, no, off, 0. Received: flip=maybe"),
        ({"flip": 1}, "flip must be one of true"),
        ({"name": 3}, "name must be text. Received: name=3"),
        ({"kind": "c"}, "kind must be one of a, b. Received: kind=c"),
        ({"layers": "x:y"}, "layers must be names, or name:weight, by commas. Received: layers=x:y"),
        ({"layers": 3}, "layers must be names"),
        ({"sides": "1,a"}, "sides must be whole numbers by commas. Received: sides=1,a"),
        ({"corner": "1"}, "corner must be 2 whole numbers by commas. Received: corner=1"),
        ({"side": "1"}, "side must be a field: steps, rate, flip"),
    ],
)
def test_wrong_values_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_settings(Everything, values)
    assert str(caught.value).startswith(message)


def test_settings_that_others_begin_with() -> None:
    assert VALUES.narrowed(Sizes) == Sizes(7, 1.0)
