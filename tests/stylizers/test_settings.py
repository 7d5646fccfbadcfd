"""Pictures of before are repeated as they were made."""

from nst_keras.fields import recorded_settings
from nst_keras.stylizers.settings import FastSettings


def test_a_recipe_that_knows_no_passes_was_painted_in_one() -> None:
    old = {"size": 64, "strength": 1.0, "preserve_color": "none", "precision": "float32"}
    assert recorded_settings(FastSettings, old).passes == 1
    assert recorded_settings(FastSettings, FastSettings().to_dict()).passes is None
