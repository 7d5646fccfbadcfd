"""Trains the decoder of an arbitrary-style network, and shows how it gets on.

    python benchmarks/arbitrary_style.py --photos=photos/ --paintings=paintings/ \
        --held_out_photo=FILE --held_out_painting=FILE --num_steps=20000 --output_dir=runs/arbitrary

Prints one JSON object: the loss's weighted terms, means over so many steps, and the relative distances (see
nst_keras.stylizers.judges) of a photo and a painting that training never sees, before and after. The
output folder gets that picture now and then, and the state, from which the same command goes on.
"""

import argparse
import io
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

from nst_keras.data.photos import load_photos
from nst_keras.pictures.images import read_image, write_image
from nst_keras.pictures.resizing import fit_size, resize
from nst_keras.storage.files import write_whole
from nst_keras.stylizers.arbitrary.settings import ArbitraryStyleSettings
from nst_keras.stylizers.arbitrary.trainer import ArbitraryStyleTrainer
from nst_keras.stylizers.judges import OptimizerJudge
from nst_keras.stylizers.training.photo_batches import PhotoBatches
from nst_keras.weights.vgg19 import load_vgg19

_KEPT_SECONDS = 120
_LONGEST_SIDE = 512  # of photos and paintings, in pixels


def main() -> None:
    """Trains and prints."""
    flags = _flags()
    settings = ArbitraryStyleSettings(
        num_steps=flags.num_steps,
        batch_size=flags.batch_size,
        crop_size=flags.crop_size,
        learning_rate=flags.learning_rate,
    )
    weights = load_vgg19()
    trainer = ArbitraryStyleTrainer(weights, settings)
    photo, painting = (_read(path, flags.size) for path in (flags.held_out_photo, flags.held_out_painting))
    judge = OptimizerJudge(weights, [painting])
    before = asdict(judge(trainer.stylize(photo, [painting]), photo, 0))
    rows = _train(trainer, flags, photo, painting)
    picture = trainer.stylize(photo, [painting])
    write_image(flags.output_dir / "picture.png", picture)
    after = asdict(judge(picture, photo, 0))
    report = {"settings": settings.to_dict(), "rows": rows, "held_out": {"before": before, "after": after}}
    print(json.dumps(report, indent=1))


def _train(
    trainer: ArbitraryStyleTrainer, flags: argparse.Namespace, photo: np.ndarray, painting: np.ndarray
) -> list[dict[str, Any]]:
    photos, paintings = (_batches(folder, trainer.settings, i) for i, folder in enumerate(flags.folders))
    path = flags.output_dir / "state.npz"
    rows, step = _read_state(path, trainer)
    began = kept = time.monotonic()
    terms: list[np.ndarray] = []
    while step < trainer.settings.num_steps:
        terms.append(trainer.step(photos.batch(step), paintings.batch(step)))
        step += 1
        if step % flags.log_every == 0 or step == trainer.settings.num_steps:
            means = dict(
                zip(trainer.term_names, np.mean(terms, axis=0, dtype=float).round(4).tolist(), strict=True)
            )
            loss, now = round(sum(means.values()), 4), time.monotonic()
            rows.append({"step": step, "loss": loss, **means, "seconds": round(now - began, 1)})
            print(rows[-1], file=sys.stderr, flush=True)
            terms = []
            if now - kept > _KEPT_SECONDS or step == trainer.settings.num_steps:
                _write_state(path, trainer, rows)
                write_image(flags.output_dir / f"step_{step:06d}.png", trainer.stylize(photo, [painting]))
                kept = now
    return rows


def _read_state(path: Path, trainer: ArbitraryStyleTrainer) -> tuple[list[dict[str, Any]], int]:
    if not path.exists():
        return [], 0
    with np.load(path) as archive:
        rows = json.loads(str(archive["rows"]))
        trainer.set_state([archive[f"array{number}"] for number in range(len(archive.files) - 1)])
    return rows, rows[-1]["step"]


def _write_state(path: Path, trainer: ArbitraryStyleTrainer, rows: list[dict[str, Any]]) -> None:
    buffer = io.BytesIO()
    arrays = {f"array{number}": array for number, array in enumerate(trainer.state())}
    np.savez(buffer, allow_pickle=False, rows=json.dumps(rows), **arrays)
    write_whole(path, buffer.getvalue())


def _batches(folder: str, settings: ArbitraryStyleSettings, number: int) -> PhotoBatches:
    pictures = load_photos(folder, longest_side=_LONGEST_SIDE, most=2000, note=lambda text: None)
    sizes = settings.batch_size, settings.crop_size, settings.largest_scale
    return PhotoBatches(pictures, *sizes, True, settings.seed + number)


def _read(path: str, size: int) -> np.ndarray:
    image = read_image(path)
    return np.clip(resize(image, *fit_size(image, size)), 0, 255)


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    defaults = ArbitraryStyleSettings()
    parser.add_argument("--photos", required=True, help="folder to train on")
    parser.add_argument("--paintings", required=True, help="folder to train on")
    parser.add_argument("--held_out_photo", required=True)
    parser.add_argument("--held_out_painting", required=True)
    parser.add_argument("--size", type=int, default=384, help="longest side of the two that are held out")
    parser.add_argument("--num_steps", type=int, default=defaults.num_steps)
    parser.add_argument("--batch_size", type=int, default=defaults.batch_size)
    parser.add_argument("--crop_size", type=int, default=defaults.crop_size)
    parser.add_argument("--learning_rate", type=float, default=defaults.learning_rate)
    parser.add_argument("--log_every", type=int, default=50)
    parser.add_argument("--output_dir", type=Path, default=Path("runs/arbitrary_style"))
    flags = parser.parse_args()
    flags.folders = (flags.photos, flags.paintings)
    flags.output_dir.mkdir(parents=True, exist_ok=True)
    return flags


if __name__ == "__main__":
    main()
