"""Schemas as text protos, `schema.pbtxt`."""

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from nst_keras.errors import InputError
from nst_keras.storage.files import open_file
from pipelines.kinds import Schema

FILE = "schema.pbtxt"


def parse_schema(data: bytes, name: str) -> schema_pb2.Schema:
    """Parses a schema; `name` stands for it in messages."""
    try:
        schema = text_format.Parse(data.decode(), schema_pb2.Schema())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise InputError(f"{name}: must be a tensorflow_metadata Schema as text: {error}") from error
    if not schema.feature:
        raise InputError(f"{name}: must have features, but has none")
    return schema


def read_schema(schema: Schema) -> schema_pb2.Schema:
    """Reads schema.pbtxt."""
    path = schema.path / FILE
    with open_file(path) as file:
        return parse_schema(file.read(), str(path))


def label_names(schema: schema_pb2.Schema) -> tuple[str, ...]:
    """The names that the feature "label" may have; none if there is no such feature or list."""
    domains = {domain.name: domain for domain in schema.string_domain}
    for feature in schema.feature:
        if feature.name == "label":
            domain = domains.get(feature.domain) if feature.domain else feature.string_domain
            return tuple(domain.value) if domain else ()
    return ()
