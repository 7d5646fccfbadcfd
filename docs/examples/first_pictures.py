"""First pictures from Python, with paths, arrays and PIL images; writes them into the folder pictures/."""

from pathlib import Path

import numpy as np
from PIL import Image

import nst_keras.api as nst

OUT = Path("pictures")

# In one pass, by the stylizer that comes with the package: a second or less.
print("photos and paintings that come along:", ", ".join(nst.samples()))
print("styles of the package's stylizer:", ", ".join(nst.styles()))
night = nst.paint("sample:china", "starry_night", size=256)
print("an array of", night.dtype, night.shape, "saved as", night.save(OUT / "night.png"))

# Any painting, by optimisation; few steps here, to be quick. A preset by name, and settings that differ.
quick = {"settings": "preview", "size": 128, "num_steps": 4, "coarse_steps": 0}
ink = nst.stylize("sample:flower", "sample:ink", **quick)
nst.save(ink, OUT / "ink.jpg")
print("made from", ink.recipe["content"], "in", ink.recipe["settings"]["num_steps"], "steps")

# The same picture as a file, as its bytes, as PIL holds it, and as arrays of several types.
photo = nst.image("sample:china").resize((96, 64))
photo.save(OUT / "photo.png")
pixels = np.asarray(photo)
forms = [
    OUT / "photo.png",
    (OUT / "photo.png").read_bytes(),
    photo,
    pixels,
    pixels.astype(np.float32) / 255,
    pixels.astype(np.uint16) * 257,
    nst.image(pixels / 127.5 - 1, value_range=(-1, 1)),  # floats on -1..1 must be told
]
paintings = nst.paint(forms, "great_wave")
print("one picture in", len(forms), "forms:", all((each == paintings[0]).all() for each in paintings))
try:
    nst.paint(pixels / 127.5 - 1, "great_wave")
except nst.InputError as error:
    print("refused:", str(error).split(". ")[0])

# Gray, and transparent in places: alpha is kept.
print("gray:", nst.paint(pixels[..., 1], "night_cafe").shape)
cut_out = Image.fromarray(np.dstack([pixels, np.full([64, 96], 128, np.uint8)]))
print("transparent:", nst.paint(cut_out, "night_cafe").to_image().mode)

# Styles blended by weight, a batch in one call, and the content's own colours.
blend = nst.paint(photo, {"starry_night": 3, "great_wave": 1}, preserve_color=True)
batch = nst.paint(np.stack([pixels, pixels[:, ::-1]]), ["starry_night", "great_wave"])
print("blended:", blend.shape, "batch:", batch.shape)

# Objects keep their network; a callback sees each step, and ends the run by returning True.
transfer = nst.StyleTransfer(nst.settings("preview", size=96, coarse_steps=0, num_steps=20))
seen = []
transfer(
    photo,
    ["sample:ink", "sample:strokes"],
    style_weights=[1, 2],
    callback=lambda p: seen.append(p) or p.step == 2,
)
print("stopped after", len(seen), "steps;", "starts from:", transfer.settings.init)
