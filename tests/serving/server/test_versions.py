"""Versions in our own server: swapped, rolled back, broken, repaired, configured and warmed up."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from nst_keras.classifiers.served import export_classifier
from nst_keras.errors import InputError
from nst_keras.served.push import push, rollback
from nst_keras.serving.client.client import connect
from nst_keras.serving.client.pictures import PictureModel, read_description
from nst_keras.serving.client.settings import CallSettings
from nst_keras.serving.protocol.model_spec import ModelSpec
from nst_keras.serving.protocol.protos import (
    prediction_log_pb2,
)
from nst_keras.serving.protocol.status_codes import ServingError
from nst_keras.serving.protocol.tensors import to_proto
from nst_keras.serving.server.server import ModelServer

from ..conftest import Sources, post, wait_for

SCALE = ModelSpec("scale")
Start = Callable[..., ModelServer]


def _states(server: ModelServer) -> dict[int, str]:
    try:
        return {status.version: status.state for status in server.models.statuses(SCALE)}
    except ServingError:  # it has just been seen
        return {}


def _factor(server: ModelServer) -> float:
    return connect(server.rest_address).predict(SCALE, {"x": [[1, 0, 0]]})["y"][0, 0]


def test_versions_are_swapped_without_a_failed_request(
    start: Start, models_dir: Path, sources: Sources
) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    server = start()
    stop, answers, failures = threading.Event(), [], []

    def keep_asking(address: str) -> None:
        client = connect(address, CallSettings(retries=0))
        while not stop.is_set():
            try:
                answers.append(float(client.predict(SCALE, {"steps": [20]}, "work")["factor"][0]))
            except ServingError as error:
                failures.append(error)

    with ThreadPoolExecutor(4) as pool:
        for address in (server.rest_address, server.grpc_address) * 2:
            pool.submit(keep_asking, address)
        try:
            wait_for(lambda: 2.0 in answers, "an answer")
            push(sources.scale[3.0], models_dir, "scale")
            wait_for(lambda: _states(server) == {1: "END", 2: "AVAILABLE"}, "the swap")
            wait_for(lambda: answers[-1] == 3.0, "an answer of the new version")
            rollback(models_dir, "scale")
            wait_for(lambda: _states(server).get(3) == "AVAILABLE" and answers[-1] == 2.0, "the rollback")
        finally:
            stop.set()
    assert not failures
    assert answers.index(3.0) > 0


def test_a_version_that_cannot_be_loaded_leaves_the_old_one(
    start: Start, models_dir: Path, sources: Sources
) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    server = start()
    bad = push(sources.scale[3.0], models_dir, "scale")
    good = (bad / "saved_model.pb").read_bytes()
    wait_for(lambda: _states(server).get(2) == "AVAILABLE", "the second version")
    broken = models_dir / "scale" / "3"
    broken.mkdir()
    (broken / "saved_model.pb").write_bytes(b"no protocol message")
    wait_for(lambda: _states(server).get(3) == "END", "the failure")
    status = server.models.statuses(SCALE)[0]
    assert status.code != "OK"
    assert "saved_model.pb: is no SavedModel" in status.message
    assert _factor(server) == 3.0
    # When its files change, it is tried again.
    (broken / "variables").mkdir()
    for file in (bad / "variables").iterdir():
        (broken / "variables" / file.name).write_bytes(file.read_bytes())
    (broken / "saved_model.pb").write_bytes(good)
    wait_for(lambda: _states(server).get(3) == "AVAILABLE", "the repaired version")


def test_damage_on_disk_is_found_by_the_manifest(start: Start, models_dir: Path, sources: Sources) -> None:
    pushed = push(sources.scale[2.0], models_dir, "scale")
    data = next(pushed.glob("variables/*.data*"))
    data.write_bytes(data.read_bytes()[:-1] + b"!")
    server = start()
    assert "has another size or SHA-256" in server.models.statuses(SCALE)[0].message
    with pytest.raises(ServingError, match="Servable not found") as caught:
        _factor(server)
    assert caught.value.code == "NOT_FOUND"


def test_models_come_and_go(start: Start, models_dir: Path, sources: Sources) -> None:
    server = start()
    assert server.models.names() == []
    push(sources.scale[2.0], models_dir, "scale")
    wait_for(lambda: "scale" in server.models.names() and _states(server) == {1: "AVAILABLE"}, "the model")
    (models_dir / "scale").rename(models_dir / ".scale")
    wait_for(lambda: server.models.names() == [], "its end")
    assert post(server.rest_address, "/v1/models/scale:predict", {"inputs": [[1, 2, 3]]}).status == 404


def test_the_config_file_is_read_again(
    start: Start, models_dir: Path, sources: Sources, tmp_path: Path
) -> None:
    for factor in (2.0, 3.0):
        push(sources.scale[factor], models_dir, "scale")

    def configure(policy: str) -> None:
        config = f"name: 'scale' base_path: '{models_dir / 'scale'}' model_platform: 'tensorflow' {policy}"
        new = tmp_path / "new.config"
        new.write_text(f"model_config_list {{ config {{ {config} }} }}")
        new.replace(tmp_path / "models.config")

    configure("model_version_policy { specific { versions: 1 } }")
    server = start(model_config_file=str(tmp_path / "models.config"))
    assert _factor(server) == 2.0
    configure("model_version_policy { all {} } version_labels { key: 'new' value: 2 }")
    wait_for(lambda: _states(server).get(2) == "AVAILABLE", "the second version")
    assert connect(server.grpc_address).predict(ModelSpec("scale", label="new"), {"x": [[1, 1, 1]]})
    for broken in ("", "nonsense {"):
        (tmp_path / "models.config").write_text(broken)
        time.sleep(0.2)
        assert _factor(server) == 3.0, "a broken file changes nothing"
    with pytest.raises(InputError, match=r"models\.config: is no model config file"):
        start(model_config_file=str(tmp_path / "models.config"))


def _write_warmup(source: Path, target: Path, value: float) -> Path:
    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.name = "scale"
    request.inputs["x"].CopyFrom(to_proto(np.full((1, 3), value, np.float32)))
    for path in source.rglob("*"):
        if path.is_file():
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    (target / "assets.extra").mkdir()
    with tf.io.TFRecordWriter(str(target / "assets.extra" / "tf_serving_warmup_requests")) as writer:
        writer.write(log.SerializeToString())
    return target


def test_warm_up_requests_are_replayed(
    start: Start, models_dir: Path, sources: Sources, tmp_path: Path
) -> None:
    push(_write_warmup(sources.scale[2.0], tmp_path / "good", 1), models_dir, "scale")
    push(_write_warmup(sources.scale[2.0], tmp_path / "bad", -1), models_dir, "failing")
    server = start()
    assert _factor(server) == 2.0
    message = server.models.statuses(ModelSpec("failing"))[0].message
    assert "a warm-up request failed: assertion failed: [numbers must not be negative" in message


def test_our_own_export_is_served(start: Start, models_dir: Path, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(pooled))
    export_classifier(model, tmp_path / "exported", class_names=("cat", "vögel"), image_size=(8, 8))
    push(tmp_path / "exported", models_dir, "birds")
    server, image = start(), np.full((8, 8, 3), 200, np.uint8)
    expected = keras.ops.softmax(model(image[None].astype(np.float32))).numpy()[0]
    for address in (server.rest_address, server.grpc_address):
        found = PictureModel(connect(address), ModelSpec("birds")).classify(tf.io.encode_png(image).numpy())
        assert found.class_name == ("cat", "vögel")[expected.argmax()]
        np.testing.assert_allclose(found.probabilities, expected, rtol=1e-4)
        client = connect(address)
        card = read_description(client, ModelSpec("birds"), client.signatures(ModelSpec("birds")))
        assert card["class_names"] == ["cat", "vögel"] and card["image_shape"] == [8, 8, 3]
