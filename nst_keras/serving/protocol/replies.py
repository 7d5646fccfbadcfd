"""Answers about models as protocol messages, for both APIs."""

from collections.abc import Iterable, Mapping
from typing import Any

from nst_keras.serving.protocol.model_spec import VersionStatus
from nst_keras.serving.protocol.protos import get_model_metadata_pb2, get_model_status_pb2, meta_graph_pb2

SIGNATURE_FIELD = "signature_def"  # the one kind of metadata
_Status = get_model_status_pb2.ModelVersionStatus


def status_reply(statuses: Iterable[VersionStatus]) -> "get_model_status_pb2.GetModelStatusResponse":
    """What became of a model's versions."""
    reply = get_model_status_pb2.GetModelStatusResponse()
    for status in statuses:
        entry = reply.model_version_status.add(version=status.version)
        entry.state = _Status.State.Value(status.state)
        entry.status.error_code = _codes(entry).values_by_name[status.code].number
        entry.status.error_message = status.message
    return reply


def read_status_reply(reply: "get_model_status_pb2.GetModelStatusResponse") -> list[VersionStatus]:
    """The same, from a server's answer; newest first."""
    statuses = []
    for entry in sorted(reply.model_version_status, key=lambda entry: -entry.version):
        code = _codes(entry).values_by_number[entry.status.error_code].name
        state = _Status.State.Name(entry.state)
        statuses.append(VersionStatus(entry.version, state, code, entry.status.error_message))
    return statuses


def metadata_reply(
    name: str, version: int, definitions: "Mapping[str, meta_graph_pb2.SignatureDef]"
) -> "get_model_metadata_pb2.GetModelMetadataResponse":
    """The signatures of a model's version."""
    reply = get_model_metadata_pb2.GetModelMetadataResponse()
    reply.model_spec.name = name
    reply.model_spec.version.value = version
    signatures = get_model_metadata_pb2.SignatureDefMap()
    for signature_name, definition in definitions.items():
        signatures.signature_def[signature_name].CopyFrom(definition)
    reply.metadata[SIGNATURE_FIELD].Pack(signatures)
    return reply


def _codes(entry: "get_model_status_pb2.ModelVersionStatus") -> Any:
    """The error codes, an enumeration of TensorFlow's."""
    return entry.status.DESCRIPTOR.fields_by_name["error_code"].enum_type
