"""How requests name a model: by name, and by version or label if not the newest version."""

from dataclasses import dataclass

# States of a version, as in get_model_status.proto.
START, LOADING, AVAILABLE, UNLOADING, END = "START", "LOADING", "AVAILABLE", "UNLOADING", "END"


@dataclass(frozen=True)
class ModelSpec:
    """A model in a request.

    Attributes:
        name: Its name.
        version: Its version; 0: that of the label, or the newest one.
        label: A label that stands for a version; empty: none.
    """

    name: str
    version: int = 0
    label: str = ""

    def __str__(self) -> str:
        """As TensorFlow Serving writes it in messages."""
        return f"Specific({self.name}, {self.version})" if self.version else f"Latest({self.name})"


@dataclass(frozen=True)
class VersionStatus:
    """What became of a version.

    Attributes:
        version: Its number.
        state: START, LOADING, AVAILABLE, UNLOADING or END.
        code: OK, or gRPC's name of what went wrong.
        message: What went wrong.
    """

    version: int
    state: str
    code: str = "OK"
    message: str = ""
