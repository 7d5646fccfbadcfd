"""The files for TensorFlow Serving, read as it reads them, and by the schemas of what starts it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2

from nst_keras.serving.protocol.protos import model_server_config_pb2
from nst_keras.serving.server.metrics import METRICS_PATH
from nst_keras.serving.server.model_config import read_models

ROOT = Path(__file__).parents[2]
FILES = ROOT / "serving_files"
FIELD = descriptor_pb2.FieldDescriptorProto

# Messages that TensorFlow Serving has and tensorflow-serving-api leaves out, by number, name and type, from
# tensorflow_serving/servables/tensorflow/session_bundle_config.proto and config/monitoring_config.proto.
INT64, STRING = ".google.protobuf.Int64Value", ".google.protobuf.StringValue"
BATCHING = {
    "BatchingParameters": [
        (1, "max_batch_size", INT64),
        (2, "batch_timeout_micros", INT64),
        (3, "max_enqueued_batches", INT64),
        (4, "num_batch_threads", INT64),
        (5, "thread_pool_name", STRING),
        (6, "allowed_batch_sizes", "repeated int64"),
        (7, "pad_variable_length_inputs", "bool"),
    ],
}
MONITORING = {
    "PrometheusConfig": [(1, "enable", "bool"), (2, "path", "string")],
    "MonitoringConfig": [(1, "prometheus_config", ".tensorflow.serving.PrometheusConfig")],
}
PLAIN = {"bool": FIELD.TYPE_BOOL, "string": FIELD.TYPE_STRING, "repeated int64": FIELD.TYPE_INT64}


def _parse(file: str, messages: dict, name: str) -> object:
    description = descriptor_pb2.FileDescriptorProto(
        name=f"{name}.proto", package="tensorflow.serving", syntax="proto3"
    )
    description.dependency.append(wrappers_pb2.DESCRIPTOR.name)
    for message, fields in messages.items():
        entry = description.message_type.add(name=message)
        for number, field, kind in fields:
            label = FIELD.LABEL_REPEATED if "repeated" in kind else FIELD.LABEL_OPTIONAL
            made = entry.field.add(name=field, number=number, label=label)
            if kind in PLAIN:
                made.type = PLAIN[kind]
            else:
                made.type, made.type_name = FIELD.TYPE_MESSAGE, kind
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(description.SerializeToString())
    kind = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"tensorflow.serving.{name}"))
    return text_format.Parse((FILES / file).read_text(), kind())


def test_models_config() -> None:
    text = (FILES / "models.config").read_text()
    parsed = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    configs = {config.name: config for config in parsed.model_config_list.config}
    assert len(configs) == len(parsed.model_config_list.config) == 3
    for name, config in configs.items():
        assert config.base_path == f"/models/{name}"
        assert config.model_platform == "tensorflow"
        served = set(config.model_version_policy.specific.versions)
        assert set(config.version_labels.values()) <= served, "a label must point at a version that is served"
    assert configs["stylizer"].model_version_policy.latest.num_versions == 2
    ours = {model.name: model for model in read_models(FILES / "models.config")}
    assert ours["stylizer"].choose([3, 1, 2]) == [2, 3]
    assert ours["optimizer"].choose([3, 1, 2]) == [3]
    assert ours["classifier"].choose([3, 1, 2]) == [1, 2]
    assert ours["classifier"].labels == {"stable": 1, "canary": 2}


def test_batching_parameters() -> None:
    parsed = _parse("batching_parameters.txt", BATCHING, "BatchingParameters")
    assert 1 < parsed.max_batch_size.value <= 32
    assert 0 < parsed.batch_timeout_micros.value < 1e5
    assert parsed.num_batch_threads.value > 0
    assert parsed.max_enqueued_batches.value > 0


def test_monitoring_config() -> None:
    parsed = _parse("monitoring_config.txt", MONITORING, "MonitoringConfig")
    assert parsed.prometheus_config.enable
    assert parsed.prometheus_config.path == METRICS_PATH


def _named_files(flags: list[str]) -> list[str]:
    return [flag.partition("=/config/")[2] for flag in flags if "=/config/" in flag]


def test_docker_compose() -> None:
    service = yaml.safe_load((FILES / "docker-compose.yml").read_text())["services"]["serving"]
    mounts = dict(volume.split(":")[:2] for volume in service["volumes"])
    assert {(FILES / source).resolve(): target for source, target in mounts.items()} == {
        ROOT / "saved_models": "/models",
        FILES: "/config",
    }
    names = _named_files(service["command"])
    assert len(names) == 2
    assert not any(flag.startswith("--enable_batching") for flag in service["command"]), (
        "pictures differ in size"
    )
    assert all((FILES / name).is_file() for name in names)
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["image"].startswith("${SERVING_IMAGE:-tensorflow/serving:")
    assert "/v1/models/stylizer" in service["healthcheck"]["test"][-1]


def test_kubernetes() -> None:
    deployment, service = yaml.safe_load_all((FILES / "kubernetes.yaml").read_text())
    assert (deployment["kind"], service["kind"]) == ("Deployment", "Service")
    pod = deployment["spec"]["template"]
    assert (
        pod["metadata"]["labels"]
        == deployment["spec"]["selector"]["matchLabels"]
        == service["spec"]["selector"]
    )
    container = pod["spec"]["containers"][0]
    assert all((FILES / name).is_file() for name in _named_files(container["args"]))
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert {f"--port={ports['grpc']}", f"--rest_api_port={ports['rest']}"} <= set(container["args"])
    assert {port["targetPort"] for port in service["spec"]["ports"]} == set(ports)
    volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes


@pytest.mark.parametrize(
    "schema,files",
    [
        ("vendor.compose-spec", [FILES / "docker-compose.yml"]),
        ("vendor.github-workflows", sorted((ROOT / ".github" / "workflows").glob("*.yml"))),
    ],
)
def test_published_schemas(schema: str, files: list[Path]) -> None:
    pytest.importorskip("check_jsonschema", reason="check-jsonschema isn't installed")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert files and done.returncode == 0, done.stdout + done.stderr


def _check_by_kubernetes(document: dict[str, Any]) -> None:
    """Checks against the newest schemas that there are, in which no field may be unknown."""
    kubernetes = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate isn't installed")
    kubernetes.validate(document, kubernetes.latest_version(), strict=True)


@pytest.mark.parametrize("name", ["claim.yaml", "kubernetes.yaml"])
def test_kubernetes_schemas(name: str) -> None:
    documents = list(yaml.safe_load_all((FILES / name).read_text()))
    assert len(documents) == 2
    for document in documents:
        _check_by_kubernetes(document)


def test_the_claim() -> None:
    claim, writer = yaml.safe_load_all((FILES / "claim.yaml").read_text())
    deployment, _ = yaml.safe_load_all((FILES / "kubernetes.yaml").read_text())
    named = [
        volume["persistentVolumeClaim"]["claimName"]
        for pod in (writer, deployment["spec"]["template"])
        for volume in pod["spec"]["volumes"]
        if "persistentVolumeClaim" in volume
    ]
    assert named == [claim["metadata"]["name"]] * 2


# Of KServe's pkg/apis/serving/v1beta1: component.go; predictor.go and model.go, with those of a container.
KSERVE_COMPONENT = {
    *("minReplicas", "maxReplicas", "scaleTarget", "scaleMetric", "containerConcurrency", "timeout"),
    *("canaryTrafficPercent", "logger", "batcher", "labels", "annotations", "deploymentStrategy", "model"),
}
KSERVE_MODEL = {"modelFormat", "runtime", "runtimeVersion", "protocolVersion", "storageUri", "storage"}


def test_kserve() -> None:
    document = yaml.safe_load((FILES / "kserve.yaml").read_text())
    assert (document["apiVersion"], document["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
    assert document.keys() == {"apiVersion", "kind", "metadata", "spec"}
    assert re.fullmatch("[a-z]([-a-z0-9]*[a-z0-9])?", document["metadata"]["name"]), "as KServe checks it"
    assert document["spec"].keys() == {"predictor"}
    predictor = document["spec"]["predictor"]
    assert predictor.keys() <= KSERVE_COMPONENT
    assert 0 <= predictor["minReplicas"] <= predictor["maxReplicas"]
    model = predictor["model"]
    assert model["modelFormat"] == {"name": "tensorflow"} and model["protocolVersion"] == "v1"
    image = re.search(r"tensorflow/serving:([\d.]+)", (FILES / "kubernetes.yaml").read_text())
    assert image and model["runtimeVersion"] == image[1], "KServe's own is too old"
    assert model["storageUri"] == "pvc://saved-models/stylizer", "the claim of kubernetes.yaml"
    container = {"name": "kserve-container"} | {k: v for k, v in model.items() if k not in KSERVE_MODEL}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": [container]}}
    _check_by_kubernetes(pod)


@pytest.mark.parametrize("name", ["docker-compose.yml", "kubernetes.yaml"])
def test_the_image_is_pinned(name: str) -> None:
    text = (FILES / name).read_text()
    assert "tensorflow/serving:2." in text
    assert "latest" not in text
