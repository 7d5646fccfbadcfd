"""Our stylizers at work, for stylizers.py: as stylizers_peer.py, with the names of styles, or paintings.

A line may name the stylizer that is to paint.
"""

import argparse
import functools
import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf

from nst_keras.pictures.images import read_image, write_image
from nst_keras.stylizers.by_name import load_painter
from nst_keras.stylizers.engines.settings import TENSORFLOW
from nst_keras.stylizers.settings import FastSettings


def main() -> None:
    """Answers until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--stylizer", default="")
    flags = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(flags.threads)
    painter_of = functools.cache(functools.partial(load_painter, engine=TENSORFLOW))
    for line in sys.stdin:
        task = json.loads(line)
        content = read_image(task["content"])
        given = {name: task[name] for name in ("precision", "passes") if name in task}
        settings = FastSettings(size=0, **given)
        painter = painter_of(task.get("stylizer", flags.stylizer))
        began = time.perf_counter()
        picture = painter.paint(content, painter.blend([task["style"]]), settings)
        seconds = time.perf_counter() - began
        if task["output"]:
            write_image(task["output"], picture)
        print(json.dumps({"seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
