"""Answers about models as protocol messages, for both APIs."""

from collections.abc import Iterable, Mapping

from nst_keras.serving.protocol.model_spec import VersionStatus
from nst_keras.serving.protocol.protos import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    meta_graph_pb2,
)

SIGNATURE_FIELD = "signature_def"  # the one kind of metadata


def status_reply(statuses: Iterable[VersionStatus]) -> "get_model_status_pb2.GetModelStatusResponse":
    """What became of a model's versions."""
    reply = get_model_status_pb2.GetModelStatusResponse()
    for status in statuses:
        entry = reply.model_version_status.add(version=status.version)
        entry.state = get_model_status_pb2.ModelVersionStatus.State.Value(status.state)
        numbers = {name: number for number, name in _codes(entry).items()}
        entry.status.error_code = numbers[status.code]
        entry.status.error_message = status.message
    return reply


def read_status_reply(reply: "get_model_status_pb2.GetModelStatusResponse") -> list[VersionStatus]:
    """The same, from a server's answer; newest first."""
    names = get_model_status_pb2.ModelVersionStatus.State.Name
    statuses = [
        VersionStatus(
            entry.version,
            names(entry.state),
            _codes(entry)[entry.status.error_code],
            entry.status.error_message,
        )
        for entry in reply.model_version_status
    ]
    return sorted(statuses, key=lambda status: -status.version)


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


def _codes(entry: "get_model_status_pb2.ModelVersionStatus") -> dict[int, str]:
    """Names of the error codes, an enumeration of TensorFlow's."""
    enumeration = entry.status.DESCRIPTOR.fields_by_name["error_code"].enum_type
    return {value.number: value.name for value in enumeration.values}
