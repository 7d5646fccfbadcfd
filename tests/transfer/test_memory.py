"""The estimate that is shown before a run."""

from dataclasses import replace

from nst_keras.transfer.at_console import estimate_memory
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
