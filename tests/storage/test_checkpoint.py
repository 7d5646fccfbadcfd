"""What makes a checkpoint one of another run."""

from nst_keras.storage.checkpoint import differences


def test_what_differs_is_named_with_both_values() -> None:
    old, new = {"size": 1, "settings": {"a": 2.0, "b": 0.0}}, {"size": 1, "settings": {"a": 3.0, "b": 0.5}}
    assert differences(old, new) == ["a (was 2.0, is 3.0)", "b (was 0.0, is 0.5)"]
    assert differences(old, {"size": 1}) == ["settings (was {'a': 2.0, 'b': 0.0}, is None)"]


def test_a_setting_that_was_unknown_then_differs_only_if_it_is_used() -> None:
    assert differences({"a": 1}, {"a": 1, "weight": 0.0, "flag": False, "name": ""}) == []
    assert differences({"a": 1}, {"a": 1, "weight": 2.0}) == ["weight (was None, is 2.0)"]
