"""nst-serve under load: what it adds to a call in process, and what happens to requests meanwhile.

    python benchmarks/serving.py                                       a small model; about 15 minutes
    python benchmarks/serving.py --saved_model=DIR --style=NAME        a stylizer or any model of pictures
    python benchmarks/serving.py --latency_seconds=5 --mixed_seconds=20 --memory_requests=200    a quick look

Prints one JSON object. Server and clients share the machine's cores and talk over loopback. With a model
whose computation fills the cores, more clients don't bring more pictures a second, only longer waits; what
REST adds is base64 and JSON, in proportion to the bytes of the answer.
"""

import argparse
import contextlib
import json
import os
import random
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import psutil
import tensorflow as tf
from serving_load import MODEL, BadRequests, Server, photo, save_small_painter

from nst_keras.errors import InputError
from nst_keras.served.push import push, rollback
from nst_keras.serving.client.client import connect
from nst_keras.serving.client.picture_options import PICTURE
from nst_keras.serving.client.pictures import PictureModel
from nst_keras.serving.client.settings import CallSettings, PictureSettings
from nst_keras.serving.protocol.model_spec import ModelSpec

_SPEC = ModelSpec(MODEL)
_PATIENT = CallSettings(timeout=900, retries=0)


def painter(address: str, style: str, calls: CallSettings = _PATIENT) -> PictureModel:
    """A client for the model."""
    return PictureModel(connect(address, calls), _SPEC, PictureSettings(style=style))


def measure_overhead(server: Server, saved_model: Path, style: str, size: int, rounds: int) -> dict[str, Any]:
    """The same picture through the SavedModel in this process and through both APIs, by turns.

    Beside the waits are the processors' seconds of client, server and workers, which other load on the
    machine changes less; the overhead of waits is the median of the turns' ratios.
    """
    data = photo(size)
    clients = {"rest": painter(server.rest, style), "grpc": painter(server.grpc, style)}
    signature = tf.saved_model.load(str(saved_model)).signatures["serve_image_bytes"]
    types = {name: spec.dtype for name, spec in signature.structured_input_signature[1].items()}
    inputs = {PICTURE: [data], **{name: [value] for name, value in clients["rest"].options.items()}}
    tensors = {name: tf.constant(value, types[name]) for name, value in inputs.items()}
    calls: dict[str, Callable[[], object]] = {
        "in_process": lambda: signature(**tensors)[PICTURE].numpy(),
        "rest": lambda: clients["rest"].paint(data),
        "grpc": lambda: clients["grpc"].paint(data),
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    cpu: dict[str, list[float]] = {name: [] for name in calls}
    for round_number in range(rounds + 2):
        for name, call in calls.items():
            used, began = server.cpu_seconds() + time.process_time(), time.perf_counter()
            call()
            wait = time.perf_counter() - began
            if round_number >= 2:  # the first ones trace
                times[name].append(wait)
                cpu[name].append(server.cpu_seconds() + time.process_time() - used)
    found = {f"{name}_ms": round(1000 * statistics.median(values), 2) for name, values in times.items()}
    for name, values in cpu.items():
        found[f"{name}_cpu_ms"] = round(1000 * statistics.mean(values), 2)
    for name in clients:
        ratios = [wait / alone for wait, alone in zip(times[name], times["in_process"], strict=True)]
        found[f"{name}_overhead_percent"] = round(100 * (statistics.median(ratios) - 1), 2)
        more = sum(cpu[name]) / sum(cpu["in_process"])
        found[f"{name}_cpu_overhead_percent"] = round(100 * (more - 1), 2)
    return found


def run_clients(count: int, seconds: float, work: Callable[[int], None]) -> float:
    """Lets clients work until the time is over; returns the seconds that it took."""
    began = time.monotonic()

    def loop(number: int) -> None:
        while time.monotonic() - began < seconds:
            work(number)

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(loop, range(count)))
    return time.monotonic() - began


def measure_latency(server: Server, style: str, size: int, clients: int, seconds: float) -> dict[str, Any]:
    """Latencies and pictures a second with so many clients over REST."""
    model, data, times = painter(server.rest, style), photo(size), []

    def work(_: int) -> None:
        began = time.perf_counter()
        model.paint(data)
        times.append(time.perf_counter() - began)

    elapsed = run_clients(clients, seconds, work)
    p50, p95, p99 = (round(1000 * float(value), 1) for value in np.percentile(times, [50, 95, 99]))
    return {
        "requests": len(times),
        "pictures_per_second": round(len(times) / elapsed, 2),
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
    }


def measure_memory(server: Server, style: str, size: int, requests: int) -> dict[str, float]:
    """The server's resident memory at the tenth, half and end of so many requests by both APIs."""
    models, data, found = [painter(server.rest, style), painter(server.grpc, style)], photo(size), {}
    for number in range(1, requests + 1):
        models[number % 2].paint(data)
        if number in (requests // 10, requests // 2, requests):
            found[f"mb_after_{number}"] = server.memory_mb()
    return found


def run_mixed(server: Server, style: str, size: int, clients: int, seconds: float) -> dict[str, Any]:
    """Good requests with one bad one in twenty; counts what was answered and how."""
    models, data = [painter(server.rest, style), painter(server.grpc, style)], photo(size)
    right = models[0].paint(data)
    bad = BadRequests(server.rest, models[0].options, server.grpc)
    counts: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    wrong: list[str] = []
    order = random.Random(0)

    def work(number: int) -> None:
        if order.random() < 0.05:
            name = order.choice(list(bad.kinds))
            send, statuses = bad.kinds[name]
            status = send()
            tried[name] += 1
            counts["bad_refused_rightly" if status in statuses else "bad_wrong"] += 1
            if status not in statuses:
                wrong.append(f"{name}: {status}")
            return
        try:
            same = models[number % 2].paint(data) == right
            counts["good_answered" if same else "good_with_wrong_answer"] += 1
        except InputError as error:
            counts["good_failed"] += 1
            wrong.append(str(error))

    most_mb, done = [server.memory_mb()], threading.Event()

    def watch() -> None:
        while not done.wait(0.5):
            with contextlib.suppress(psutil.NoSuchProcess):
                most_mb[0] = max(most_mb[0], server.memory_mb())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    run_clients(clients, seconds, work)
    done.set()
    watcher.join()
    return {
        "seconds": seconds,
        "crashed": server.process.poll() is not None,
        "most_mb": most_mb[0],
        "mb_after": server.memory_mb(),
        **counts,
        "kinds_of_bad": len(tried),
        "wrong": wrong[:10],
    }


def run_event(
    server: Server, style: str, size: int, event: Callable[[], object], seconds: float
) -> dict[str, Any]:
    """Counts failed requests around an event, of clients that try once and of clients that try again."""
    settings = {"once": _PATIENT, "with_retries": CallSettings(timeout=120, retries=30)}
    kinds = [(kind, address) for kind in settings for address in (server.rest, server.grpc)]
    models = [painter(address, style, settings[kind]) for kind, address in kinds]
    data, counts, answered = photo(size), Counter[str](), [time.monotonic()]
    timer = threading.Timer(seconds / 3, event)
    timer.start()

    def work(number: int) -> None:
        kind = kinds[number][0]
        try:
            models[number].paint(data)
            counts[f"{kind}_answered"] += 1
            answered.append(time.monotonic())
        except InputError:
            counts[f"{kind}_failed"] += 1
            time.sleep(0.05)

    run_clients(len(kinds), seconds, work)
    timer.join()
    pause = max(np.diff(np.sort(answered)), default=0.0)
    return {f"{kind}_failed": 0 for kind in settings} | counts | {"longest_pause_s": round(float(pause), 2)}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--saved_model", type=Path, help="with a signature serve_image_bytes")
    parser.add_argument("--style", default="", help="as of nst-query")
    parser.add_argument("--size", type=int, default=512, help="pixels of a side, for times")
    parser.add_argument("--small_size", type=int, default=128, help="the same, where requests are counted")
    parser.add_argument("--rounds", type=int, default=30, help="calls that the overhead is taken from")
    parser.add_argument("--only_overhead", action="store_true")
    parser.add_argument("--clients", default="1,4,16,64")
    parser.add_argument("--latency_seconds", type=float, default=20, help="for each number of clients")
    parser.add_argument("--memory_requests", type=int, default=2000)
    parser.add_argument("--mixed_seconds", type=float, default=600)
    parser.add_argument("--event_seconds", type=float, default=24, help="around swap, rollback and kill")
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        saved_model = flags.saved_model or save_small_painter(Path(folder, "source"), 0)
        serving_dir = Path(folder, "models")
        push(saved_model, serving_dir, MODEL)
        server = Server(serving_dir)
        try:
            print(json.dumps(measure(server, saved_model, serving_dir, flags), indent=1))
        finally:
            server.stop()


def measure(
    server: Server, saved_model: Path, serving_dir: Path, flags: argparse.Namespace
) -> dict[str, Any]:
    """All figures."""
    style, small = flags.style, flags.small_size

    def restart() -> None:
        server.process.kill()
        server.process.wait()
        server.start()

    events: dict[str, Callable[[], object]] = {
        "swap": lambda: push(saved_model, serving_dir, MODEL),
        "rollback": lambda: rollback(serving_dir, MODEL),
        "kill_9_of_a_worker": server.kill_a_worker,
        "kill_9": restart,
    }
    overhead = measure_overhead(server, saved_model, style, flags.size, flags.rounds)
    found = {"size": flags.size, "cores": os.cpu_count(), "load": os.getloadavg(), "overhead": overhead}
    if flags.only_overhead:
        return found
    latency = {
        clients: measure_latency(server, style, flags.size, int(clients), flags.latency_seconds)
        for clients in flags.clients.split(",")
    }
    return {
        **found,
        "latency": latency,
        "memory": measure_memory(server, style, small, flags.memory_requests),
        "mixed_load": run_mixed(server, style, small, 8, flags.mixed_seconds),
        **{
            name: run_event(server, style, small, event, flags.event_seconds)
            for name, event in events.items()
        },
    }


if __name__ == "__main__":
    main()
