"""Whether the packages of the extra `serving` are there."""

import importlib.util

from nst_keras.errors import InputError

_PACKAGES = ("grpc", "grpc_health", "prometheus_client", "tensorflow_serving", "urllib3", "uvicorn")


def missing_packages() -> str:
    """A sentence about what has to be installed; empty if all is there."""
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    remedy = "serving needs more packages: pip install nst_keras[serving]"
    return f"{remedy} (there is no {', '.join(missing)})" if missing else ""


def require_packages() -> None:
    """Raises InputError if something has to be installed."""
    if problem := missing_packages():
        raise InputError(problem)
