"""Settings of the model server; importing this loads no TensorFlow."""

import os
from dataclasses import dataclass

from nst_keras.fields import FROM_ONE, POSITIVE, Bounds, Settings, number, setting

_PORT = Bounds(0, 65536)


@dataclass(frozen=True)
class ServerSettings(Settings):
    """What is served, where, and within which limits; names as TensorFlow Serving's where it has the same."""

    serving_dir: str = setting(
        "saved_models", "Folder whose folders are models: NAME/VERSION/saved_model.pb."
    )
    model_config_file: str = setting(
        "", "models.config in TensorFlow Serving's format, instead of serving_dir; read again when changed."
    )
    host: str = setting("127.0.0.1", "Address to listen on; the default is reached from this machine alone.")
    rest_api_port: int = number(8501, "Port of the REST API; 0: any free one.", _PORT)
    port: int = number(8500, "Port of the gRPC API; 0: any free one.", _PORT)
    batch_timeout: float = number(
        0, "Milliseconds that a request waits for others to be answered with it; 0: none.", Bounds(0)
    )
    max_batch_size: int = number(8, "Most rows that are answered together.", FROM_ONE)
    workers: int = number(0, "Requests that are computed at once; 0: as many as CPU cores.", Bounds(0))
    queue_size: int = number(128, "Requests that may wait; those past it are refused (429).", FROM_ONE)
    max_body_mb: int = number(64, "Largest request in MiB; larger ones are refused (413).", FROM_ONE)
    max_connections: int = number(512, "Open REST connections; those past it are refused (503).", FROM_ONE)
    read_timeout: float = number(10, "Seconds in which a request must have come whole (408).", POSITIVE)
    request_timeout: float = number(60, "Seconds that a request may wait for a worker (504).", POSITIVE)
    drain_seconds: float = number(30, "Seconds to finish requests after SIGTERM.", Bounds(0))
    file_system_poll_wait_seconds: float = number(1, "Seconds between looks for new versions.", POSITIVE)

    @property
    def max_body_bytes(self) -> int:
        """The largest request in bytes."""
        return self.max_body_mb << 20

    @property
    def num_workers(self) -> int:
        """Requests that are computed at once."""
        return self.workers or os.cpu_count() or 1
