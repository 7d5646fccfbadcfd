"""Which runtime computes a stylizer's networks; importing this loads none of them."""

from dataclasses import dataclass

from nst_keras.fields import Settings, choice

ENGINES = AUTO, TENSORFLOW, ONNXRUNTIME = ("auto", "tensorflow", "onnxruntime")


@dataclass(frozen=True)
class EngineSettings(Settings):
    """What runs the networks; pictures are the same but for rounding."""

    engine: str = choice(
        AUTO,
        "What the network runs on: onnxruntime starts in a fraction of a second and needs the extra [light]; "
        "auto takes it if it is there, but tensorflow for bfloat16, for stylizers of any painting that were "
        "trained here, and for pictures above 2 to 8 megapixels, which are painted strip by strip",
        ENGINES,
    )
