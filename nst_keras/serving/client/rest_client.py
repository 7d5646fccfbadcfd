"""A client of the REST API; it doesn't import TensorFlow."""

import http.client
import json
import urllib.parse
from collections.abc import Mapping
from typing import Any

import numpy as np
import urllib3
from google.protobuf import json_format

from nst_keras.errors import InputError
from nst_keras.serving.client.client import Client
from nst_keras.serving.client.settings import CallSettings
from nst_keras.serving.protocol.json_tensors import (
    BASE64,
    is_base64,
    to_array,
    to_binary_json,
    write_json,
)
from nst_keras.serving.protocol.model_spec import ModelSpec, VersionStatus
from nst_keras.serving.protocol.protos import get_model_metadata_pb2, get_model_status_pb2
from nst_keras.serving.protocol.replies import SIGNATURE_FIELD, read_status_reply
from nst_keras.serving.protocol.signatures import Signature, read_signatures
from nst_keras.serving.protocol.status_codes import ServingError, code_of

_CONNECTIONS = 64  # kept open for reuse


class RestClient(Client):
    """A client by HTTP, of an address such as http://localhost:8501."""

    def __init__(self, address: str, settings: CallSettings = CallSettings()) -> None:
        super().__init__(settings)
        parts = urllib.parse.urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise InputError(f"address must be like http://localhost:8501. Received: {address}")
        self._base = parts.geturl().rstrip("/")
        self._pool = urllib3.PoolManager(
            maxsize=_CONNECTIONS,
            block=False,
            retries=False,
            ssl_context=settings.tls(),
            headers=settings.authorization(),
        )

    def status(self, model: ModelSpec) -> list[VersionStatus]:
        """See `Client`."""
        reply, document = get_model_status_pb2.GetModelStatusResponse(), self._call("GET", _path(model))
        return read_status_reply(json_format.ParseDict(document, reply, ignore_unknown_fields=True))

    def signatures(self, model: ModelSpec) -> dict[str, Signature]:
        """See `Client`."""
        document = self._call("GET", f"{_path(model)}/metadata")
        metadata = document.get("metadata", {}).get(SIGNATURE_FIELD, {})
        definitions = get_model_metadata_pb2.SignatureDefMap()
        json_format.ParseDict(metadata, definitions, ignore_unknown_fields=True)
        return read_signatures(definitions.signature_def)

    def _send(
        self, model: ModelSpec, signature_name: str, signature: Signature, arrays: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        values = {name: to_binary_json(array) for name, array in arrays.items()}
        body = write_json({"signature_name": signature_name, "inputs": values}).encode()
        return _read_outputs(self._call("POST", f"{_path(model)}:predict", body), signature)

    def _call(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        return self._retrying(lambda seconds: self._try(method, path, body, seconds))

    def _try(self, method: str, path: str, body: bytes | None, seconds: float) -> dict[str, Any]:
        url = self._base + path
        timeout = urllib3.Timeout(total=seconds)
        try:
            response = self._pool.request(method, url, body=body, timeout=timeout, redirect=False)
        except urllib3.exceptions.ReadTimeoutError as error:
            message = f"{url}: no answer within {self._settings.timeout} s"
            raise ServingError("DEADLINE_EXCEEDED", message) from error
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            raise ServingError("UNAVAILABLE", f"{url}: cannot be reached: {error}") from error
        return _read_answer(url, response.status, response.data)


def _path(model: ModelSpec) -> str:
    path = f"/v1/models/{urllib.parse.quote(model.name, safe='')}"
    if model.version is not None:
        return f"{path}/versions/{model.version}"
    return f"{path}/labels/{urllib.parse.quote(model.label, safe='')}" if model.label else path


def _read_answer(url: str, status: int, body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if status == 200 and isinstance(document, dict):
        return document
    if isinstance(document, dict) and "error" in document:
        raise ServingError(code_of(status), str(document["error"]), status)
    text = body[:200].decode(errors="replace").strip()
    code = "UNKNOWN" if status == 200 else code_of(status)
    raise ServingError(code, f"{url}: the answer isn't a model server's: HTTP {status} {text}", status)


def _read_outputs(document: dict[str, Any], signature: Signature) -> dict[str, np.ndarray]:
    values = document.get("outputs")
    if not isinstance(values, dict) or is_base64(values):
        values = dict.fromkeys(signature.outputs, values)  # a single output has lost its name
    if values.keys() != signature.outputs.keys() or BASE64 in values:
        expected = ", ".join(signature.outputs)
        raise ServingError("UNKNOWN", f"outputs must be {expected}. Received: {list(values)}")
    return {name: to_array(value, signature.outputs[name], name) for name, value in values.items()}
