"""The paths of the REST API, as in TensorFlow Serving's api_rest.md."""

import re
from dataclasses import dataclass

from nst_keras.serving.protocol.model_spec import ModelSpec
from nst_keras.serving.protocol.status_codes import ServingError

STATUS, METADATA, PREDICT = "status", "metadata", "predict"

_WHICH = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_GET = re.compile(rf"/v1/models(?:/(?P<name>[^/:]+))?{_WHICH}(?P<metadata>/metadata)?", re.IGNORECASE)
_POST = re.compile(
    rf"/v1/models/(?P<name>[^/:]+){_WHICH}:(?P<method>predict|classify|regress)", re.IGNORECASE
)
_MOST_VERSION = 2**63 - 1


@dataclass(frozen=True)
class Route:
    """What a request asks for.

    Attributes:
        action: STATUS, METADATA or PREDICT.
        spec: The model.
    """

    action: str
    spec: ModelSpec


def find_route(method: str, path: str) -> Route:
    """Returns what a request asks for.

    Args:
        method: GET, POST, ...
        path: Without the query, decoded.
    """
    found = (
        {"GET": _GET, "POST": _POST}.get(method, _POST).fullmatch(path) if method in ("GET", "POST") else None
    )
    if not found:
        known = path.lower().startswith("/v1/")
        raise ServingError(
            "INVALID_ARGUMENT" if known else "NOT_FOUND", f"Malformed request: {method} {path}"
        )
    parts = found.groupdict()
    if not parts["name"]:
        raise ServingError("INVALID_ARGUMENT", "Missing model name in request.")
    version = int(parts["version"] or 0)
    if version > _MOST_VERSION:
        raise ServingError("INVALID_ARGUMENT", f"Failed to convert version: {version} to numeric.")
    spec = ModelSpec(parts["name"], version, parts["label"] or "")
    if method == "GET":
        return Route(METADATA if parts["metadata"] else STATUS, spec)
    if parts["method"].lower() != PREDICT:
        raise ServingError("UNIMPLEMENTED", f"{parts['method']} isn't offered here; use predict")
    return Route(PREDICT, spec)
