"""A process that computes, and may be ended at any moment; `workers` is its other end."""

import gc
import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from nst_keras.console.tensorflow_start import import_tensorflow_quietly
from nst_keras.errors import InputError
from nst_keras.serving.protocol.status_codes import ServingError
from nst_keras.serving.server.settings import ServerSettings

INTERNAL_ERROR = "internal error; the server's log has more"

_log = logging.getLogger(__name__)


def work() -> None:
    """Loads models as the orders say, and answers one job after the other, until the server hangs up.

    The program's arguments are the numbers of two pipes; the first order is the server's settings.

    What comes back is ("OK", a value) or gRPC's code and a message.
    """
    jobs, orders = (Connection(int(number)) for number in sys.argv[1:])
    settings: ServerSettings = orders.recv()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the server says when
    with suppress(OSError):
        # If the memory is full, a worker is ended, which can be replaced, and not the server.
        Path("/proc/self/oom_score_adj").write_text("1000")
    import_tensorflow_quietly()
    models: dict[int, Any] = {}
    obedient = threading.Thread(target=_serve, args=(orders, _Orders(models)), daemon=True)
    obedient.start()
    _serve(jobs, _Jobs(models, settings))


def _serve(connection: Connection, handle: Any) -> None:
    try:
        while True:
            connection.send(_outcome(handle, connection.recv()))
    except (EOFError, OSError):
        os._exit(0)  # whatever is being computed, nobody waits for it


def _outcome(handle: Any, message: Any) -> tuple[str, Any]:
    try:
        return "OK", handle(*message)
    except ServingError as error:
        return error.code, str(error)
    except InputError as error:
        return "FAILED_PRECONDITION", str(error)
    except MemoryError:
        return "RESOURCE_EXHAUSTED", "there is not enough memory for this request"
    except Exception:
        logging.basicConfig(stream=sys.stderr)
        _log.exception("a worker failed")
        return "INTERNAL", INTERNAL_ERROR


class _Orders:
    """Loads and unloads models."""

    def __init__(self, models: dict[int, Any]) -> None:
        self._models = models

    def __call__(self, number: int, folder: Path | None) -> None:
        """Loads a model, which has a number; or, without a folder, unloads it."""
        from nst_keras.serving.server.compute.loaded_model import LoadedModel

        if folder is None:
            self._models.pop(number, None)
            gc.collect()  # TensorFlow's objects hold one another
        else:
            self._models[number] = LoadedModel(folder)


class _Jobs:
    """Answers."""

    def __init__(self, models: dict[int, Any], settings: ServerSettings) -> None:
        self._models, self._settings = models, settings

    def __call__(self, number: int, job: Any) -> bytes:
        """Returns the answer's bytes."""
        from nst_keras.serving.server.compute.answers import answer

        model = self._models[number]
        return answer(job, model.signatures, model.run, self._settings)
