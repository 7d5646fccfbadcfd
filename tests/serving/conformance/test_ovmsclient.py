"""An independent client of the API, OpenVINO's, gets from our server what it gets from others.

It brings its own copies of the protocol's messages, so it lives in an environment of its own.
"""

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from ..conftest import Addresses
from .test_clients import check_painted, encoded_photo

# Runs where only ovmsclient and NumPy are installed.
_CALLS = """
import json, sys
import numpy as np
from ovmsclient import make_grpc_client, make_http_client
from ovmsclient.tfs_compat.base.errors import InvalidInputError, ModelNotFoundError

found = {}
for name, client in (("http", make_http_client(sys.argv[1])), ("grpc", make_grpc_client(sys.argv[2]))):
    refused = []
    for model, sign in (("nothing", 1), ("scale", -1)):
        try:
            client.predict({"x": np.full((1, 3), sign, np.float32)}, model, model_version=2)
        except (InvalidInputError, ModelNotFoundError) as error:
            refused.append(type(error).__name__)
    metadata = client.get_model_metadata(model_name="scale", model_version=2)
    if name == "http":  # OpenVINO spells some keys in another way; then it hands on what came
        inputs = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"]
        dims = {key: value["tensor_shape"]["dim"] for key, value in inputs.items()}
        shapes = {key: [int(dim["size"]) for dim in sizes] for key, sizes in dims.items()}
        version = int(metadata["model_spec"]["version"])
    else:
        shapes = {key: value["shape"] for key, value in metadata["inputs"].items()}
        version = metadata["model_version"]
    numbers = {"x": np.float32([[1, 2, 3]])}
    # A version each time: 0, which this client takes for the newest, is a version there as any other.
    asked = [client.get_model_status(model_name="scale", model_version=number) for number in (1, 2)]
    states = [state for answer in asked for state in answer.items()]
    found[name] = {
        "status": {str(number): status["state"] for number, status in states},
        "version": version,
        "inputs": shapes,
        "answer": client.predict(inputs=numbers, model_name="scale", model_version=2).tolist(),
        "older": client.predict(inputs=numbers, model_name="scale", model_version=1).tolist(),
        "refused": refused,
    }
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with ovmsclient."""
    folder = tmp_path_factory.mktemp("ovmsclient")
    venv.create(folder, with_pip=True)
    interpreter = folder / "bin" / "python"
    command = [str(interpreter), "-m", "pip", "install", "--quiet", "ovmsclient==2023.1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"ovmsclient can't be installed: {done.stderr.strip().splitlines()[-1]}")
    return interpreter


_PAINTS = """
import base64, sys
from pathlib import Path
import numpy as np
from ovmsclient import make_grpc_client, make_http_client

inputs = {
    "image_bytes": [Path(sys.argv[3]).read_bytes()],
    "style_weights": np.float32([[0, 1]]),
    "strength": np.float32([0.5]),
    "longest_side": np.int32([0]),
}
answer = make_http_client(sys.argv[1]).predict(inputs, "painter", model_version=1)
Path(sys.argv[3] + ".http").write_bytes(base64.b64decode(answer[0]["b64"]))
answer = make_grpc_client(sys.argv[2]).predict(inputs, "painter", model_version=1)
Path(sys.argv[3] + ".grpc").write_bytes(answer[0])
"""


@pytest.mark.large
@pytest.mark.skipif(sys.platform == "win32", reason="the environment's interpreter lies elsewhere")
def test_it_paints(server: Addresses, python: Path, tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(encoded_photo())
    addresses = server.rest.removeprefix("http://"), server.grpc
    command = [str(python), "-c", _PAINTS, *addresses, str(tmp_path / "photo")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for api in ("http", "grpc"):
        check_painted((tmp_path / f"photo.{api}").read_bytes())


@pytest.mark.large
@pytest.mark.skipif(sys.platform == "win32", reason="the environment's interpreter lies elsewhere")
def test_an_independent_client(addresses: Addresses, python: Path) -> None:
    command = [str(python), "-c", _CALLS, addresses.rest.removeprefix("http://"), addresses.grpc]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = {
        "status": {"1": "AVAILABLE", "2": "AVAILABLE"},
        "version": 2,
        "inputs": {"x": [-1, 3]},
        "answer": [[3.0, 6.0, 9.0]],
        "older": [[2.0, 4.0, 6.0]],
        "refused": ["ModelNotFoundError", "InvalidInputError"],
    }
    assert json.loads(done.stdout) == {"http": expected, "grpc": expected}
