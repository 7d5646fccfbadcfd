"""Stands for the process that optimises: takes as many steps as its seed says, each some milliseconds."""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any


def tell(**message: Any) -> None:
    print(json.dumps(message), flush=True)


def main() -> None:
    task = json.loads(sys.stdin.readline())
    output = Path(task["job"]["output"])
    checkpoint = output.with_name(output.name + ".checkpoint.npz")
    wishes: list[str] = []

    def listen() -> None:
        wishes.extend(json.loads(line)["wish"] for line in iter(sys.stdin.readline, ""))
        wishes.append("stop")

    threading.Thread(target=listen, daemon=True).start()
    num_steps = task["settings"]["num_steps"]
    match task["settings"]["seed"]:
        case 1:
            tell(event="failed", message=f"{task['job']['content']}: is too dull")
            return
        case 2:
            raise RuntimeError("no such luck")
        case 3:
            wishes = []  # deaf
    tell(event="running")
    first = int(checkpoint.read_text()) if task["resume"] and checkpoint.exists() else 0
    for step in range(first + 1, num_steps + 1):
        values = {"step": step, "num_steps": num_steps, "seconds_left": 0.1, "losses": {"total": 1 / step}}
        tell(event="step", width=40, height=30, **values)
        (output.parent / "preview.jpg").write_bytes(b"picture %d" % step)
        tell(event="preview", step=step)
        if step == 3:
            checkpoint.write_text(str(step))
        if task["settings"]["seed"] == 4 and step == 5 and not task["resume"]:
            os.kill(os.getpid(), signal.SIGKILL)
        if "pause" in wishes:
            tell(event="paused")
            wishes.remove("pause")
            while not wishes:
                time.sleep(0.01)
            if wishes[0] == "go_on":  # perhaps to be paused again at once
                wishes.pop(0)
            tell(event="running")
        if "stop" in wishes:
            checkpoint.write_text(str(step))
            output.write_bytes(b"so far")
            tell(event="ended", finished=False)
            return
        time.sleep(0.02)
    output.write_bytes(b"done from %d" % first)
    checkpoint.unlink(missing_ok=True)
    tell(event="ended", finished=True)


if __name__ == "__main__":
    main()
