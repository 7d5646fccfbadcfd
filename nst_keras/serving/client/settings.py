"""Settings of the client; importing this loads neither TensorFlow nor the protocol's messages."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nst_keras.errors import InputError
from nst_keras.fields import FROM_ONE, POSITIVE, Bounds, Settings, choice, number, setting
from nst_keras.serving.protocol.model_spec import ModelSpec
from nst_keras.storage.files import open_file

if TYPE_CHECKING:
    import ssl

NOTHING = "nothing"
SHOWN = (NOTHING, "status", "signatures", "styles", "description")


@dataclass(frozen=True)
class QuerySettings(Settings):
    """Whom to ask, and about what."""

    rest: str = setting("http://localhost:8501", "Address of the REST API, such as localhost:8501.")
    grpc: str = setting("", "Address of the gRPC API, such as localhost:8500, to be used instead.")
    model: str = setting("", "The model's name.")
    version: int = number(0, "Its version; 0: the newest.", Bounds(0))
    label: str = setting("", "A label that stands for a version.")
    content: str = setting("", "A picture, or a folder of pictures, also in folders below it.")
    output: str = setting("", "Where the painted picture goes; a folder for a folder.")
    parallel: int = number(4, "Pictures of a folder that are sent at once.", FROM_ONE)
    json: bool = setting(False, "Print a line of JSON for each picture.")
    show: str = choice(NOTHING, "Print this about the model instead of sending pictures", SHOWN)

    def __post_init__(self) -> None:
        """Checks every value."""
        super().__post_init__()
        if not self.model:
            raise InputError("model must be a model's name. Received: nothing")
        if self.version and self.label:
            raise InputError(f"label must be left out with version. Received: label={self.label}")
        if not self.content and self.show == NOTHING:
            raise InputError("content must be a picture or a folder. Received: nothing")
        if "//" in self.grpc:
            raise InputError(f"grpc must be HOST:PORT. Received: grpc={self.grpc}")

    @property
    def address(self) -> str:
        """The server's, with http:// if it is that of the REST API."""
        return self.grpc or (self.rest if "//" in self.rest else f"http://{self.rest}")

    @property
    def spec(self) -> ModelSpec:
        """The model as requests name it."""
        return ModelSpec(self.model, self.version or None, self.label)


@dataclass(frozen=True)
class PictureSettings(Settings):
    """What to ask of a stylizer; a classifier takes none of it."""

    style: str = setting(
        "",
        "A style's name, or a blend such as starry_night:0.7,wave:0.3; or a painting's file, for models that "
        "take one with each request.",
    )
    style_image: str = setting("", "The same as style, for such models only.")
    strength: float = number(1.0, "From 0, the photo as it is, to 1, the whole style.", Bounds(0))
    longest_side: int = number(0, "Longest side of the result in pixels; 0: as the model does by itself.")


@dataclass(frozen=True)
class CallSettings(Settings):
    """How long a client tries, whom it trusts, and who it is."""

    timeout: float = number(60, "Seconds for one call, retries included.", POSITIVE)
    token_file: str = setting("", "File with the token that the server wants.")
    ca_file: str = setting(
        "", "PEM file of the authorities that may vouch for the server; by gRPC it is then encrypted."
    )
    client_certificate: str = setting(
        "", "PEM file of the certificate that shows the server who asks; by gRPC it is then encrypted."
    )
    client_key: str = setting("", "PEM file of the client certificate's key.")
    retries: int = number(
        4, "Tries after the first, with growing pauses, while the server is away.", Bounds(0)
    )

    def __post_init__(self) -> None:
        """Checks every value."""
        super().__post_init__()
        if bool(self.client_certificate) != bool(self.client_key):
            raise InputError("client_certificate and client_key must both be given, or neither")

    def tls(self) -> "ssl.SSLContext | None":
        """What an encrypted connection is made with, if a file says so; InputError if one is bad."""
        import ssl

        from nst_keras.serving.protocol.tls import tls_context

        if not self.ca_file and not self.client_certificate:
            return None
        return tls_context(
            ssl.Purpose.SERVER_AUTH,
            authority=self.ca_file,
            certificate=self.client_certificate,
            key=self.client_key,
        )

    def authorization(self) -> dict[str, str]:
        """The header that holds the token, if there is one."""
        if not self.token_file:
            return {}
        with open_file(self.token_file) as file:
            return {"authorization": f"Bearer {file.read().decode(errors='replace').strip()}"}
