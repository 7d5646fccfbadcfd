"""The process that paints in one pass: it keeps the engine and networks warm between pictures.

What VGG-19 sees in pictures is looked up here, too.
"""

import functools
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from nst_keras.console.tensorflow_start import import_tensorflow_quietly
from nst_keras.errors import InputError
from nst_keras.fields import parse_settings
from nst_keras.studio.workers.channel import Channel
from nst_keras.studio.workers.features import write_features
from nst_keras.studio.workers.tasks import job_of
from nst_keras.stylizers.settings import FastSettings

if TYPE_CHECKING:
    from nst_keras.stylizers.painter import Painter

_NETWORKS = 3  # that are kept


def main() -> None:
    """Answers each task with the seconds that it took, or what is wrong; `{}` only loads the engine."""
    channel = Channel()
    paint = painting()
    for task in channel.messages():
        began = time.monotonic()
        try:
            if "layer" in task:
                write_features(task)
            elif task:
                paint(task)
            channel.send(seconds=time.monotonic() - began)
        except InputError as error:
            channel.send(error=str(error))


def painting() -> Callable[[Mapping[str, Any]], None]:
    """Loads the engine, and returns what paints a task."""
    from nst_keras.stylizers.by_name import load_painter
    from nst_keras.stylizers.job import FastStylize

    @functools.lru_cache(maxsize=_NETWORKS)
    def painter(stylizer: str) -> "Painter":
        painter = load_painter(stylizer, import_tensorflow=import_tensorflow_quietly)
        painter.keeps_last = True
        return painter

    def paint(task: Mapping[str, Any]) -> None:
        settings = parse_settings(FastSettings, task["settings"])
        stylize = FastStylize(settings, painter(task["stylizer"]))
        stylize.run(stylize.prepare(job_of(task)))

    painter("")  # so that TensorFlow, or what there is instead, is loaded
    return paint


if __name__ == "__main__":
    main()
