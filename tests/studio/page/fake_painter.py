"""Stands for both processes that paint: tints the photo with the painting's colours, without TensorFlow.

`paint` answers each task at once; `optimize` takes steps, each some milliseconds.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from nst_keras.pictures.by_name import load_picture
from nst_keras.pictures.color import with_colors_of
from nst_keras.pictures.images import write_image
from nst_keras.studio.workers import features
from nst_keras.studio.workers.tasks import PREVIEW_FILE, TRACE_FILE

STEP_SECONDS = float(os.environ.get("FAKE_STEP_SECONDS", "0.02"))


def tell(**message: Any) -> None:
    print(json.dumps(message), flush=True)


def painted(task: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """The photo at the size of the picture, and the picture: both [H, W, 3] on 0..255."""
    job, settings = task["job"], task["settings"]
    photo = Image.fromarray(load_picture(job["content"], "content").astype(np.uint8))
    side = settings["size"] or max(photo.size)
    photo = ImageOps.contain(photo, (side, side))
    smooth = ImageOps.contain(photo, (128, 128)).filter(ImageFilter.MedianFilter(5)).resize(photo.size)
    pixels, content = (np.asarray(image, np.float32) for image in (smooth, photo))
    if not job["named_styles"]:
        for style, weight in zip(job["styles"], job["style_weights"], strict=True):
            mean = load_picture(style, "style")[::8, ::8].mean((0, 1))
            pixels += (mean - pixels.mean((0, 1))) * weight / sum(job["style_weights"])
    else:
        pixels = np.roll(pixels, 1 + len(job["styles"][0]) % 2, axis=-1)
    if settings["preserve_color"] != "none":
        pixels += settings["color_strength"] * (with_colors_of(pixels, content) - pixels)
    return content, np.clip(content + settings["strength"] * (pixels - content), 0, 255)


def write_features(task: dict[str, Any]) -> None:
    """As if the layer's channels were blurred and turned brightness."""

    def fake(name: str, _: object) -> dict[str, np.ndarray]:
        light = ImageOps.contain(
            Image.fromarray(load_picture(name, "picture").astype(np.uint8)).convert("L"), (48, 48)
        )
        maps = [np.roll(np.asarray(light, np.float32), 3 * n, n % 2) * (n % 5) for n in range(20)]
        return {task["layer"]: np.stack(maps, axis=-1)}

    features._features, features._gram = fake, fake_gram  # type: ignore[assignment]
    features.write_features(task)


def fake_gram(maps: np.ndarray, channels: list[int]) -> np.ndarray:
    flat = maps[..., channels].reshape(-1, len(channels))
    return flat.T @ flat / len(flat)


def write(task: dict[str, Any], picture: np.ndarray) -> None:
    record = {
        "content": task["job"]["content"],
        "styles": task["job"]["styles"],
        "settings": task["settings"],
    }
    record |= {"style_weights": task["job"]["style_weights"]} | (
        {"stylizer": ""} if sys.argv[1] == "paint" else {}
    )
    write_image(Path(task["job"]["output"]), picture.astype(np.uint8), record)


def optimize(task: dict[str, Any], wishes: list[str]) -> None:
    content, picture = painted(task)
    output, num_steps = Path(task["job"]["output"]), task["settings"]["num_steps"]
    checkpoint = output.with_name(output.name + ".checkpoint.npz")
    first = int(checkpoint.read_text()) if task["resume"] and checkpoint.exists() else 0
    trace = output.with_name(TRACE_FILE)
    known = trace.read_text().splitlines()[:first] if first and trace.exists() else []
    trace.write_text("".join(line + "\n" for line in known))
    (height, width), so_far = picture.shape[:2], content
    tell(event="running")
    for step in range(first + 1, num_steps + 1):
        time.sleep(STEP_SECONDS)
        so_far = content + step / num_steps * (picture - content)
        left = (num_steps - step) * STEP_SECONDS
        losses = {"total": 400 / (step + 3) + 12}
        with trace.open("a") as lines:
            lines.write(json.dumps({"step": step, "losses": losses}) + "\n")
        tell(
            event="step",
            step=step,
            num_steps=num_steps,
            seconds_left=left,
            losses=losses,
            width=width,
            height=height,
        )
        if step % 5 == 0:
            checkpoint.write_text(str(step))
            part = output.with_name("part.jpg")
            Image.fromarray(so_far.astype(np.uint8)).save(part)
            part.replace(output.with_name(PREVIEW_FILE))
            tell(event="preview", step=step)
        if "pause" in wishes:
            tell(event="paused")
            while wishes[-1] == "pause":
                time.sleep(0.01)
            wishes.remove("pause")
            tell(event="running")
        if "stop" in wishes:
            checkpoint.write_text(str(step))
            write(task, so_far)
            tell(event="ended", finished=False)
            return
    write(task, picture)
    checkpoint.unlink(missing_ok=True)
    tell(event="ended", finished=True)


def main() -> None:
    if sys.argv[1] == "paint":
        for line in iter(sys.stdin.readline, ""):
            task = json.loads(line)
            if "layer" in task:
                write_features(task)
            elif task:
                write(task, painted(task)[1])
            tell(seconds=0.12)
        return
    task = json.loads(sys.stdin.readline())
    wishes: list[str] = []

    def listen() -> None:
        wishes.extend(json.loads(line)["wish"] for line in iter(sys.stdin.readline, ""))
        wishes.append("stop")

    threading.Thread(target=listen, daemon=True).start()
    optimize(task, wishes)


if __name__ == "__main__":
    main()
