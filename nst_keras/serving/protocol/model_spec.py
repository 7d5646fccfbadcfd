"""How requests name a model: by name, and by version or label if not the newest version."""

from dataclasses import dataclass

# States of a version, as in get_model_status.proto.
START, LOADING, AVAILABLE, UNLOADING, END = "START", "LOADING", "AVAILABLE", "UNLOADING", "END"


@dataclass(frozen=True)
class ModelSpec:
    """A model in a request; without a version it is that of the label, or the newest one without a label."""

    name: str
    version: int | None = None
    label: str = ""

    def __str__(self) -> str:
        """As TensorFlow Serving writes it in messages."""
        if self.version is None:
            return f"Latest({self.name})"
        return f"Specific({self.name}, {self.version})"


@dataclass(frozen=True)
class VersionStatus:
    """The state of a version, and what went wrong: gRPC's name of it, or OK, and a message."""

    version: int
    state: str
    code: str = "OK"
    message: str = ""
