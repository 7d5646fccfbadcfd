"""What a server says to somebody who opens its address: models, versions, signatures, and how to ask."""

import json
from typing import Any

from nst_keras import __version__
from nst_keras.serving.protocol.model_spec import AVAILABLE, ModelSpec
from nst_keras.serving.protocol.signatures import (
    DEFAULT_SIGNATURE,
    PICTURE,
    PICTURE_SIGNATURE,
    STYLE_WEIGHTS,
    Signature,
)
from nst_keras.serving.protocol.status_codes import ServingError
from nst_keras.serving.server.metrics import METRICS_PATH
from nst_keras.serving.server.models import Models

_MOST_NUMBERS = 100  # of an example


def front_page(models: Models, address: str) -> str:
    """The page as text, for the server at an address such as http://localhost:8501."""
    lines = [f"nst-serve {__version__}: TensorFlow Serving's REST API", ""]
    for name in models.names():
        lines += [*_describe(models, name, address), ""]
    lines += [] if models.names() else ["There are no models yet.", ""]
    paths = ("/v1/models/NAME", "/v1/models/NAME/metadata", METRICS_PATH)
    about = ("state of the versions", "names, types and shapes", "metrics")
    return "\n".join(
        [*lines, *(f"{address}{path}  {text}" for path, text in zip(paths, about, strict=True)), ""]
    )


def _describe(models: Models, name: str, address: str) -> list[str]:
    spec = ModelSpec(name)
    try:
        statuses = models.statuses(spec)
        versions = [str(status.version) for status in statuses if status.state == AVAILABLE]
        with models.lease(spec) as (_, model):
            signatures = model.signatures
    except ServingError:
        return [f"{name}: no version is served; {address}/v1/models/{name} says why"]
    lines = [f"{name}, version {', '.join(versions)}"]
    lines += [f"  {key}{signature}" for key, signature in sorted(signatures.items())]
    return lines + [f"  {line}" for line in _examples(name, signatures, address)]


def _examples(name: str, signatures: dict[str, Signature], address: str) -> list[str]:
    """Lines to type."""
    files = signatures.get(PICTURE_SIGNATURE)
    if files and PICTURE in files.inputs:
        paints = PICTURE in files.outputs
        style = " --style=..." if len(files.inputs) > 1 else ""
        output = " --output=painted.png" if paints else ""
        ask = f"nst-query --rest={address} --model={name}"
        lines = [f"{ask} --content=photo.jpg{style}{output}"]
        lines += [f"{ask} --show=styles"] if STYLE_WEIGHTS in files.inputs else []
        if len(files.inputs) == 1:
            head = f'{{"signature_name": "{PICTURE_SIGNATURE}", '
            body = head + """"instances": [{"b64": "'$(base64 -w0 photo.jpg)'"}]}"""
            lines.append(f"echo '{body}' | curl -d @- {address}/v1/models/{name}:predict")
        return lines
    signature = signatures.get(DEFAULT_SIGNATURE)
    values = {key: _zeros(spec.shape) for key, spec in signature.inputs.items()} if signature else {}
    body = json.dumps({"inputs": values})
    if signature is None or body.count("0") > _MOST_NUMBERS:
        return []
    return [f"curl -d '{body}' {address}/v1/models/{name}:predict"]


def _zeros(shape: tuple[int | None, ...] | None) -> Any:
    """Nested lists of zeros, with one row where any number will do."""
    if not shape:
        return 0
    return [_zeros(shape[1:])] * (shape[0] or 1)
