"""Named settings."""

from collections.abc import Mapping
from dataclasses import replace

from nst_keras.transfer.settings import StyleTransferSettings

_CONTENT_LAYER = {"relu4_2": 1.0}
_STYLE_LAYERS = tuple(f"relu{block}_1" for block in range(1, 6))

DEFAULT = StyleTransferSettings()

# For a first look: the small sizes of the default, at which each step is cheap.
PREVIEW = replace(DEFAULT, size=384, num_steps=45, coarse_steps=60, history_size=10)

# Sizes that grow more slowly, and twice the steps at the full one.
BEST = replace(DEFAULT, scale_factor=2**0.5, num_steps=150)

# The default of earlier versions. Its deepest layer sees whole things, and copies the painting's into the
# picture (benchmarks/copies.py), but its large forms, too.
BOLD = replace(
    DEFAULT,
    content_layers=_CONTENT_LAYER,
    style_layers=dict.fromkeys(_STYLE_LAYERS, 0.2),
    style_loss="gram",
)

# Losses as Gatys et al. weigh them, 500 steps from noise at one size.
_EARLY = replace(
    DEFAULT,
    content_layers=_CONTENT_LAYER,
    style_loss="gram",
    relative_losses=False,
    color_tv_weight=0.0,
    edges="zero",
    init="noise",
    margin=0,
    num_steps=500,
    coarse_steps=0,
)

# What the original notebook meant to do: Adam on a loss with these weights. Where it slipped is told in
# docs/notebook.md. It set no usable step size; 10 is that of the program that it followed.
NOTEBOOK = replace(
    _EARLY,
    content_weight=5.0,
    style_layers=dict.fromkeys(_STYLE_LAYERS, 0.2),
    style_weight=500.0,
    tv_weight=100.0,
    noise_ratio=0.256,
    optimizer="adam",
    learning_rate=10.0,
    save_every=25,
)

# Gatys et al. 2016 (CVPR), section 3: average pooling, L-BFGS from white noise, equal weights for five
# layers. The paper's sums depend on the size, so the weights are those of the authors' later program, which
# takes means: 1 for content, 1000 / channels^2 for Gram matrices per position, which is 1000 for ours.
GATYS = replace(
    _EARLY,
    content_weight=1.0,
    style_layers=dict.fromkeys(_STYLE_LAYERS, 1.0),
    style_weight=1000.0,
    tv_weight=0.0,
    pooling="average",
    noise_ratio=50.0,
    history_size=100,
)

# Crowson's style-transfer-pytorch as published: Wasserstein-2, Adam from size to size, an average of the
# pictures. Ours looks through the Oxford network, which answers to 0..255, not to values by their deviation
# (about 57): so the weight of the total variation, whose diagonals we leave out. Edges are replicated in all
# layers, not the first alone.
CROWSONKB = replace(
    DEFAULT,
    relative_losses=False,
    content_layers=_CONTENT_LAYER,
    content_weight=0.015,
    style_layers={
        layer: weight / 341 for layer, weight in zip(_STYLE_LAYERS, (256, 64, 16, 4, 1), strict=True)
    },
    style_weight=1.0,
    tv_weight=2 * (57 / 255) ** 2,
    color_tv_weight=0.0,
    margin=0,
    optimizer="adam",
    learning_rate=0.02 * 255,
    beta_2=0.99,
    ema=0.99,
    num_steps=500,
    coarse_steps=500,
    first_steps=1000,
    scale_factor=2**0.5,
)

PRESETS: Mapping[str, StyleTransferSettings] = {
    "default": DEFAULT,
    "preview": PREVIEW,
    "best": BEST,
    "bold": BOLD,
    "gatys": GATYS,
    "notebook": NOTEBOOK,
    "crowsonkb": CROWSONKB,
}

# What each is for, in a line.
HELP: Mapping[str, str] = {
    "default": "Good with nearly all photos and paintings; minutes.",
    "preview": "A first look, in a minute.",
    "best": "Takes its time for the finest picture.",
    "bold": "More of the painting: its large forms, and some of its things.",
    "gatys": "As in the paper by Gatys and others.",
    "notebook": "As in the notebook that all began with.",
    "crowsonkb": "As style-transfer-pytorch does it: slow, rich.",
}
