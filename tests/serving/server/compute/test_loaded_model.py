"""What a model says about a request that it can't answer, as `nst-serve` passes it on."""

import io

import numpy as np
import pytest
from PIL import Image

from nst_keras.serving.protocol.status_codes import ServingError
from nst_keras.serving.server.compute.loaded_model import LoadedModel

from ...conftest import Sources, random_picture


def _encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(random_picture(size=(40, 50))).save(buffer, kind)
    return buffer.getvalue()


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :]


_PNG, _JPEG = _encoded("PNG"), _encoded("JPEG")


@pytest.fixture(scope="module")
def namer(sources: Sources) -> LoadedModel:
    return LoadedModel(sources.namer)


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"no picture",
        _PNG[:8],
        _PNG[:40],
        _PNG[: len(_PNG) // 2],
        _flipped(_PNG, 18),
        _flipped(_PNG, len(_PNG) // 2),
        _JPEG[:3],
        _JPEG[:20],
        _JPEG[: len(_JPEG) // 2],
        _encoded("GIF")[:1000],
        _encoded("BMP")[:1000],
    ],
    ids=range(12),
)
def test_a_damaged_picture_of_a_batch_is_named(namer: LoadedModel, damaged: bytes) -> None:
    files = np.array([_PNG, _JPEG, damaged, _PNG], object)
    with pytest.raises(ServingError, match=r"^picture 2 of image_bytes cannot be decoded: \w") as caught:
        namer.run("serve_image_bytes", {"image_bytes": files})
    assert caught.value.code == "INVALID_ARGUMENT"


def test_what_a_model_says_itself_stays(sources: Sources) -> None:
    model = LoadedModel(sources.scale[2.0])
    with pytest.raises(ServingError, match=r"^assertion failed: \[numbers must not be negative"):
        model.run("serving_default", {"x": -np.ones([1, 3], np.float32)})


def test_a_sentence_that_names_the_picture_stays(namer: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    def refuse(**_: object) -> None:
        raise tf.errors.InvalidArgumentError(None, None, "picture 0 must be a whole PNG or JPEG file")

    monkeypatch.setattr(namer, "_module", type("Module", (), {"signatures": {"serve_image_bytes": refuse}}))
    with pytest.raises(ServingError, match=r"^picture 0 must be a whole PNG or JPEG file$"):
        namer.run("serve_image_bytes", {"image_bytes": np.array([b"", _PNG], object)})
