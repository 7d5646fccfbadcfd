"""Serves SavedModels over TensorFlow Serving's REST and gRPC APIs, on laptops, in tests and demos.

  nst-serve --serving_dir=saved_models --rest_api_port=8501 --port=8500
  nst-serve --model_config_file=models.config --batch_timeout=5

This is not TensorFlow Serving: it speaks the same language, in Python, and is neither as fast nor as long
proven. For production run tensorflow_model_server or its Docker image on the same folder; docs/serving.md
says how.
By default only this machine can connect, without a password or encryption; --token_file and
--tls_certificate bring both.

New versions are served as soon as they are whole, without a gap. SIGTERM and Ctrl-C finish what was begun; a
second one ends at once.
"""

import logging
import os
import time

from nst_keras import serving
from nst_keras.cli import common, field_flags
from nst_keras.console.console import Console
from nst_keras.serving.extra import require_packages
from nst_keras.serving.server.settings import ServerSettings

_POLL_SECONDS = 0.1  # between looks for a signal
FLAGS = field_flags.flags_of(ServerSettings)


@common.command(__doc__, FLAGS, first=["serving_dir", "rest_api_port", "port", "host"])
def main() -> None:
    """Entry point of `nst-serve`."""
    settings = field_flags.parsed(ServerSettings, FLAGS)
    require_packages()
    _start_log()
    with Console(notice="finishing requests") as console:
        if not settings.has_workers:
            common.import_tensorflow_quietly()
        from nst_keras.serving.server.server import ModelServer

        server = ModelServer(settings)
        names = ", ".join(server.models.names()) or "no models yet"
        console.say(f"REST {server.rest_address}, gRPC {server.grpc_address}: {names}")
        while not console.should_stop():
            time.sleep(_POLL_SECONDS)
        if not server.stop():
            console.say("some requests took too long and were given up")
            os._exit(1)  # their threads can't be ended


def _start_log() -> None:
    """Shows what the server says about itself; the root logger may belong to absl or TensorFlow."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log = logging.getLogger(serving.__name__)
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.INFO)


if __name__ == "__main__":
    main()
