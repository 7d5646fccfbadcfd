"""Draws the sheets of docs/paint.md and docs/failures.md: paints by the commands that are printed there.

    python docs/draw_sheets.py [SHEET …] [--folder=sheets]

Without names it draws all. Finished pictures stay in the folder and aren't painted again. A minute or two a
sheet, half an hour all, on 2 cores. Needs scikit-image, for two of its photos.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps
from skimage.data import astronaut, rocket

from nst_keras.pictures.samples import read_sample
from nst_keras.transfer.presets import DEFAULT

IMAGES = Path(__file__).parent / "images"
HEIGHT, GAP, QUALITY = 192, 4, 85
CHINA = "--content=sample:china --style=sample:strokes"
PAINT = f"{CHINA} --preset=preview --size=192"
STEPS = "--preset=preview --size=144 --num_steps=30"
FAILURE = f"{CHINA} {STEPS}"
GRAM = "--style_loss=gram --style_layers=relu1_1,relu2_1,relu3_1,relu4_1"
FACE = FAILURE.replace("sample:china", "portrait.png")
NIGHT = FAILURE.replace("sample:china", "rocket.png")
SIGN = FAILURE.replace("sample:china", "sign.png")


class Sheet(NamedTuple):
    """Pictures side by side.

    Attributes:
        commands: Arguments of `nst-stylize` for each.
        part: What of them is shown: left, top, right and bottom, as shares.
        height: In pixels, of what is shown.
    """

    commands: Sequence[str]
    part: tuple[float, float, float, float] = (0, 0, 1, 1)
    height: int = HEIGHT


def varied(command: str, flag: str, *values: str) -> list[str]:
    """A command with each value of a flag, which is left out where it is the default."""
    plain = str(getattr(DEFAULT, flag))
    return [command if value == plain else f"{command} --{flag}={value}" for value in values]


SHEETS = {
    "paint_content_weight": Sheet(varied(PAINT, "content_weight", "2", "8.0", "64")),
    "paint_style_weight": Sheet(varied(PAINT, "style_weight", "10", "100.0", "1000")),
    "paint_style_scale": Sheet(varied(PAINT, "style_scale", "0.5", "1.0", "2")),
    "paint_tv_weight": Sheet(varied(PAINT, "tv_weight", "0", "0.0002", "0.02")),
    "paint_color_tv_weight": Sheet(
        varied(PAINT.replace("strokes", "stained_glass"), "color_tv_weight", "0", "0.01"), (0.1, 0, 0.7, 0.4)
    ),
    "paint_color": Sheet([PAINT, f"{PAINT} --preserve_color", f"{PAINT} --strength=0.5"]),
    "paint_style": Sheet(
        [
            PAINT.replace("strokes", style)
            for style in ("stained_glass", "ink", "strokes,sample:stained_glass")
        ]
    ),
    "paint_size": Sheet([PAINT.replace("192", size) for size in ("128", "192", "256")]),
    "paint_method": Sheet([PAINT, f"{PAINT} --method=nn"]),
    "failure_grain": Sheet([f"{FAILURE} --init=noise --color_tv_weight=0", FAILURE]),
    "failure_frame": Sheet([f"{FAILURE} {GRAM} --margin=0", f"{FAILURE} {GRAM}"], (0, 0, 0.5, 1 / 6), 96),
    "failure_numbers": Sheet([f"{FAILURE} --optimizer=sgd --learning_rate=1000000", FAILURE]),
    "failure_face": Sheet(
        [FACE, f"{FACE} --method=nn", f"{FACE} --content_weight=48", f"{FACE} --content_mask=soft.png"],
        height=288,
    ),
    "failure_night": Sheet(varied(NIGHT, "content_weight", "8.0", "48")),
    "failure_flat": Sheet(
        varied(f"--content=sample:flower --style=poster.png {STEPS}", "style_scale", "1.0", "0.5")
    ),
    "failure_text": Sheet([SIGN, f"{SIGN} --content_mask=sign_mask.png"]),
    "failure_dark": Sheet([FAILURE.replace("sample:china", name) for name in ("dark.png", "bright.png")]),
}


def prepare(folder: Path) -> None:
    """Makes the photos, masks and the poster, as docs/failures.md does."""
    portrait = Image.fromarray(astronaut()).crop((90, 0, 358, 268))
    soft = Image.new("L", portrait.size, 255)
    ImageDraw.Draw(soft).ellipse((88, 70, 178, 170), fill=96)
    poster = Image.new("RGB", (400, 300), (236, 224, 200))
    draw = ImageDraw.Draw(poster)
    draw.rectangle((0, 0, 160, 150), fill=(200, 40, 40))
    draw.rectangle((170, 0, 399, 90), fill=(30, 60, 140))
    draw.ellipse((220, 120, 380, 280), fill=(240, 190, 40))
    draw.rectangle((0, 160, 160, 299), fill=(20, 20, 20))
    sign, mask = Image.fromarray(read_sample("flower").astype(np.uint8)), Image.new("L", (640, 427), 255)
    for picture, color in ((sign, "white"), (mask, 0)):
        ImageDraw.Draw(picture).text((30, 30), "FLOWERS", fill=color, font=ImageFont.load_default(110))
    dark = ImageEnhance.Brightness(Image.fromarray(read_sample("china").astype(np.uint8))).enhance(0.15)
    made = {
        "portrait": portrait,
        "rocket": Image.fromarray(rocket()),
        "soft": soft.filter(ImageFilter.GaussianBlur(8)),
        "poster": poster,
        "sign": sign,
        "sign_mask": mask,
        "dark": dark,
        "bright": ImageOps.autocontrast(dark, cutoff=1),
    }
    for name, image in made.items():
        image.save(folder / f"{name}.png")


def painted(command: str, folder: Path) -> Image.Image:
    """What a command paints."""
    name = command.replace("--", "").replace(":", "_").replace("=", "_").replace(" ", "-") + ".png"
    if not (folder / name).exists():
        print(f"nst-stylize {command}", flush=True)
        call = [sys.executable, "-m", "nst_keras.cli.stylize", *command.split(), f"--output={name}"]
        done = subprocess.run(call, cwd=folder, stdin=subprocess.DEVNULL)
        # A run that is meant to lose its numbers leaves its last picture, and fails.
        if done.returncode and not (folder / name).exists():
            raise SystemExit(f"that ended with {done.returncode}")
    return Image.open(folder / name).convert("RGB")


def draw_sheet(sheet: Sheet, folder: Path) -> Image.Image:
    """Pictures side by side, on white."""
    shown = []
    for command in sheet.commands:
        image = painted(command, folder)
        left, top, right, bottom = sheet.part
        box = (left * image.width, top * image.height, right * image.width, bottom * image.height)
        part = image.crop(tuple(map(round, box)))
        width = round(part.width * sheet.height / part.height)
        shown.append(part.resize((width, sheet.height), Image.Resampling.LANCZOS))
    whole = Image.new("RGB", (sum(each.width + GAP for each in shown) - GAP, sheet.height), "white")
    x = 0
    for each in shown:
        whole.paste(each, (x, 0))
        x += each.width + GAP
    return whole


def main() -> None:
    """Draws what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sheets", nargs="*", metavar="SHEET", help=f"of {', '.join(SHEETS)}")
    parser.add_argument("--folder", type=Path, default=Path("sheets"), help="where pictures are kept")
    flags = parser.parse_args()
    if unknown := set(flags.sheets) - SHEETS.keys():
        parser.error(f"no sheet is called {', '.join(unknown)}; there are {', '.join(SHEETS)}")
    flags.folder.mkdir(parents=True, exist_ok=True)
    prepare(flags.folder)
    for name in flags.sheets or SHEETS:
        drawn = draw_sheet(SHEETS[name], flags.folder)
        drawn.save(IMAGES / f"{name}.jpg", quality=QUALITY, optimize=True, progressive=True)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    main()
