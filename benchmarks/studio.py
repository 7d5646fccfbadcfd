"""What the studio costs: its start, its memory, a change of a picture, and the live view of an optimisation.

    python benchmarks/studio.py

Prints one JSON object. Times are medians, as a browser on this machine would wait, and beside them the time
of the processors, which other programs hardly change; the networks are in the cache already. The live
view's share is what observers take of an optimisation's steps at 512 pixels.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import psutil

from nst_keras import studio
from nst_keras.pictures.samples import sample_file

_PAGE = Path(studio.__file__).parent / "page"
_PHOTO = "sample:china"


class RunningStudio:
    """nst-studio as a process of its own."""

    def __init__(self, folder: Path) -> None:
        began = time.perf_counter()
        command = [sys.executable, "-m", "nst_keras.cli.studio", f"--folder={folder}", "--port=0", "--noopen"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().strip() if self.process.stdout else ""
        self._address, _, self._token = line.partition("/#token=")
        for target in ("/", "/api/about"):
            self.ask("GET", target)
        self.start_seconds = time.perf_counter() - began
        self.start_cpu_seconds = _cpu_seconds(psutil.Process(self.process.pid))

    def ask(self, method: str, target: str, body: bytes | dict[str, Any] | None = None) -> bytes:
        """The body of an answer."""
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        headers = {"Authorization": f"Bearer {self._token}"}
        request = urllib.request.Request(self._address + target, data, headers, method=method)
        with urllib.request.urlopen(request) as reply:
            answer: bytes = reply.read()
            return answer

    def listen(self, target: str) -> None:
        """Reads the beginning of a stream and leaves."""
        headers = {"Authorization": f"Bearer {self._token}"}
        with urllib.request.urlopen(urllib.request.Request(self._address + target, headers=headers)) as reply:
            reply.readline()

    def memory_mb(self) -> float:
        """Resident memory of the server alone."""
        return psutil.Process(self.process.pid).memory_info().rss / 1e6

    def painter(self) -> psutil.Process:
        """The process that paints."""
        return psutil.Process(self.process.pid).children()[0]

    def close(self) -> None:
        """Ends it."""
        self.process.terminate()
        self.process.wait()


def page_kb() -> float:
    """Size of all files that a browser loads: those of the page, with the longer of its languages."""
    longest = max(path.stat().st_size for path in _PAGE.glob("strings.*.js"))
    others = (path for path in _PAGE.rglob("*.*") if not path.name.startswith("strings."))
    return (longest + sum(path.stat().st_size for path in others)) / 1000


def watch_and_leave(running: RunningStudio, streams: int) -> float:
    """Memory in MB after so many pages have watched a job and gone, as in hours of tabs opened and closed."""
    wish = {"content": _PHOTO, "styles": ["sample:strokes"], "settings": {"size": 64}}
    job = json.loads(running.ask("POST", "/api/jobs", wish))["id"]
    running.ask("POST", f"/api/jobs/{job}/stop")
    for _ in range(streams):
        running.listen(f"/api/jobs/{job}/events")
        running.ask("GET", "/api/jobs")
    return running.memory_mb()


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def paint_all(running: RunningStudio, requests: list[dict[str, Any]]) -> dict[str, float]:
    """Median wait for a picture, and mean time of the processors."""
    waits, before = [], _cpu_seconds(running.painter())
    for request in requests:
        began = time.perf_counter()
        running.ask("POST", "/api/paint", {"content": _PHOTO, **request})
        waits.append(time.perf_counter() - began)
    cpu = (_cpu_seconds(running.painter()) - before) / len(requests)
    return {"seconds": statistics.median(waits), "cpu_seconds": cpu}


def measure_painting(running: RunningStudio, rounds: int) -> dict[str, dict[str, float]]:
    """Pictures of 512 pixels."""
    styles = ["great_wave", "night_cafe", "shipwreck", "starry_night"] * rounds
    strengths = [{"strength": index / 100} for index in range(4 * rounds)]
    last = {"styles": ["starry_night"], "side": 512}
    return {
        "first": paint_all(running, [last]),
        "other_style": paint_all(running, [{"styles": [style], "side": 512} for style in styles]),
        "other_style_at_256": paint_all(running, [{"styles": [style], "side": 256} for style in styles]),
        "other_strength": paint_all(running, [{**last, "settings": strength} for strength in strengths]),
    }


def measure_live_view(steps: int) -> float:
    """Share of an optimisation's time that its news and previews take."""
    from nst_keras.studio.workers import optimize

    spent = 0.0
    moments: list[float] = []

    class Timed(optimize.Preview):
        def __call__(self, progress: Any) -> None:
            nonlocal spent
            began = time.perf_counter()
            super().__call__(progress)
            moments.append(time.perf_counter())
            if len(moments) > 1:  # from the end of the first step, which traces
                spent += moments[-1] - began

    optimize.Preview = Timed  # type: ignore[misc]
    with tempfile.TemporaryDirectory() as folder:
        job = {
            "content": _PHOTO,
            "styles": ["sample:strokes"],
            "style_weights": [1.0],
            "output": f"{folder}/picture.png",
            "named_styles": False,
            "content_mask": "",
            "style_masks": [],
        }
        settings = {"size": 512, "num_steps": steps, "coarse_steps": 0}
        wishes = optimize.Wishes(iter([]), lambda **_: None)
        wishes.should_stop = lambda: False  # type: ignore[method-assign]
        optimize.optimize({"job": job, "settings": settings, "resume": False}, wishes, lambda **_: None)
    return spent / (moments[-1] - moments[0])


def main() -> None:
    """Measures all of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()
    starts, starts_cpu = [], []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.rounds):
            running = RunningStudio(Path(folder, str(number)))
            starts.append(running.start_seconds)
            starts_cpu.append(running.start_cpu_seconds)
            if number < arguments.rounds - 1:
                running.close()
        try:
            idle, streamed = running.memory_mb(), watch_and_leave(running, 1000)
            painting = measure_painting(running, arguments.rounds)
            for number in range(20):
                running.ask("PUT", f"/api/pictures?name={number}.jpg", sample_file("china"))
            print(
                json.dumps(
                    {
                        "start_seconds": statistics.median(starts),
                        "start_cpu_seconds": statistics.median(starts_cpu),
                        "page_kb": page_kb(),
                        "server_mb": idle,
                        "server_mb_after_streams": streamed,
                        "server_mb_after_pictures": running.memory_mb(),
                        "painter_mb": running.painter().memory_info().rss / 1e6,
                        "paint_512": painting,
                        "live_view_share": measure_live_view(arguments.steps),
                    },
                    indent=2,
                )
            )
        finally:
            running.close()


if __name__ == "__main__":
    main()
