"""Settings of the model server; importing this loads no TensorFlow."""

import os
from dataclasses import dataclass

from nst_keras.errors import InputError
from nst_keras.fields import FROM_ONE, POSITIVE, Bounds, Settings, number, setting

_PORT = Bounds(0, 65536)
_MOST_WORKERS = 4  # unless more are wanted: each has all models in memory


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
    workers: int = number(
        0,
        "Requests that are computed at once, in a process each; 0: as many as CPU cores, at most 4.",
        Bounds(0),
    )
    isolate: bool = setting(
        True,
        "Compute in processes that are ended if need be; never with batch_timeout, else unless switched off.",
    )
    compute_timeout: float = number(
        300, "Seconds that a request may be computed; then its worker is ended and replaced (504).", POSITIVE
    )
    request_memory_mb: int = number(
        0,
        "MiB by which a request may make its worker grow (429); 0: to its share of 4/5 of the memory.",
        Bounds(0),
    )
    queue_size: int = number(128, "Requests that may wait; those past it are refused (429).", FROM_ONE)
    enable_serialization_as_tensor_content: bool = setting(
        False, "Answer by gRPC with packed bytes, which are smaller, instead of a value each (float_val)."
    )
    allow_reload_config: bool = setting(
        False, "Let clients by gRPC say which folders are served (HandleReloadConfigRequest)."
    )
    tls_certificate: str = setting("", "PEM file of the server's certificate; both APIs are then encrypted.")
    tls_key: str = setting("", "PEM file of the certificate's key.")
    tls_client_authority: str = setting(
        "", "PEM file of the authority that clients' certificates must be of."
    )
    token_file: str = setting(
        "", "File with a token that requests must have as Authorization: Bearer TOKEN; but for gRPC's health."
    )
    rest_api_enable_cors_support: bool = setting(False, "Let pages of any address ask by REST (CORS).")
    max_body_mb: int = number(64, "Largest request in MiB; larger ones are refused (413).", FROM_ONE)
    max_connections: int = number(
        512,
        "Open REST connections; past it one that is idle goes, or the new one is refused (503).",
        FROM_ONE,
    )
    read_timeout: float = number(10, "Seconds in which a request must have come whole (408).", POSITIVE)
    write_timeout: float = number(60, "Seconds in which a client must have taken its answer.", POSITIVE)
    request_timeout: float = number(60, "Seconds that a request may wait for a worker (504).", POSITIVE)
    drain_seconds: float = number(30, "Seconds to finish requests after SIGTERM.", Bounds(0))
    request_log: str = setting(
        "",
        "Folder that takes size, brightness and colours of each picture that is asked about, for pipelines; "
        "empty: none.",
    )
    request_log_mb: int = number(256, "Most MiB that it takes; past it the oldest goes.", FROM_ONE)
    request_log_seconds: float = number(
        3600, "Seconds after which a file of it is closed, so that pipelines see it.", POSITIVE
    )
    request_log_pictures: float = number(
        0, "Share of the pictures that are kept there themselves, from 0 to 1.", Bounds(0, 1, closed=True)
    )
    file_system_poll_wait_seconds: float = number(1, "Seconds between looks for new versions.", POSITIVE)

    def __post_init__(self) -> None:
        """Checks every value."""
        super().__post_init__()
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise InputError("tls_certificate and tls_key must both be given, or neither")
        if self.tls_client_authority and not self.tls_key:
            raise InputError("tls_client_authority must be left out without tls_certificate")

    @property
    def max_body_bytes(self) -> int:
        """The largest request in bytes."""
        return self.max_body_mb << 20

    @property
    def num_workers(self) -> int:
        """Requests that are computed at once."""
        return self.workers or min(os.cpu_count() or 1, _MOST_WORKERS)

    @property
    def has_workers(self) -> bool:
        """Whether it is computed in other processes; joined requests have to be in one."""
        return self.isolate and not self.batch_timeout
