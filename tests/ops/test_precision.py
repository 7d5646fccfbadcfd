"""The process's precision: changed only while it is wanted, and given back whatever happens."""

import pytest
import tensorflow as tf

from nst_keras.ops.precision import bfloat16_products

OPTION = "auto_mixed_precision_onednn_bfloat16"


def _rewrites() -> bool:
    return bool(tf.config.optimizer.get_experimental_options().get(OPTION, False))


def test_it_is_changed_meanwhile_and_given_back() -> None:
    with bfloat16_products(True):
        assert _rewrites()
        with bfloat16_products(False):
            assert not _rewrites()
        assert _rewrites()
    assert not _rewrites()


def test_it_is_given_back_after_an_error() -> None:
    with pytest.raises(KeyError), bfloat16_products(True):
        raise KeyError
    assert not _rewrites()


def test_nothing_is_touched_where_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    changes: list[dict] = []
    monkeypatch.setattr(tf.config.optimizer, "set_experimental_options", changes.append)
    with bfloat16_products(False):
        pass
    assert changes == []
