"""InfraValidator: good models are blessed; crashes, hangs and garbage aren't, and are told."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf

from pipelines.engine.stage import Context, Stopped
from pipelines.judging.servable_check import check
from pipelines.judging.verdicts import Blessing, read_blessing
from pipelines.kinds import Examples, InfraBlessing, Model, ServableModel
from pipelines.stages import infra_validator
from pipelines.stages.exporter import ExporterConfig, export_model
from pipelines.stages.infra_validator import InfraValidatorConfig, validate_infra


@pytest.fixture(scope="module")
def servable(classifier: Model, tmp_path_factory: pytest.TempPathFactory) -> ServableModel:
    folder = tmp_path_factory.mktemp("servable")
    made = ServableModel(folder / "model")
    made.path.mkdir()
    export_model(ExporterConfig(), Context(folder / "scratch"), model=classifier, servable=made)
    return made


@pytest.fixture
def validate(new: Callable[..., InfraBlessing], tmp_path: Path) -> Callable[..., tuple[dict, Blessing]]:
    def run(
        servable: ServableModel,
        examples: Examples | None = None,
        context: Context | None = None,
        model: Model | None = None,
        **config: int,
    ) -> tuple[dict, Blessing]:
        blessing = new(InfraBlessing)
        found = validate_infra(
            InfraValidatorConfig(**config),
            context or Context(tmp_path / "scratch"),
            servable=servable,
            examples=examples,
            model=model,
            blessing=blessing,
        )
        return found, read_blessing(blessing)

    return run


def _save(folder: Path, function: Callable[[tf.Tensor], dict[str, tf.Tensor]]) -> ServableModel:
    """A SavedModel that does something to encoded pictures."""
    module = tf.Module()
    module.answer = tf.function(
        function, input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")]
    )
    tf.saved_model.save(module, str(folder), signatures={"serve_image_bytes": module.answer})
    return ServableModel(folder)


def test_a_good_model_is_blessed(
    validate: Callable, servable: ServableModel, digits: Examples, classifier: Model
) -> None:
    found, blessing = validate(servable, digits, model=classifier, num_pictures=3)
    assert blessing == Blessing(True)
    assert found["blessed"]
    assert found["answered"] == 5, "two requests to warm up with, and three pictures"


def test_another_answer_than_the_trained_model_gives_is_not_blessed(
    validate: Callable,
    servable: ServableModel,
    digits: Examples,
    beginner: Model,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run_here(_config: InfraValidatorConfig, _context: Context, arguments: list[str]) -> str:
        folder, requests, result, _ = arguments
        Path(result).write_text(json.dumps(check(folder, json.loads(Path(requests).read_text()))))
        return ""

    monkeypatch.setattr(infra_validator, "_run", run_here)  # TensorFlow starts in the test above
    found, blessing = validate(servable, digits, model=beginner, num_pictures=3)
    assert not found["blessed"] and found["answered"] == 2
    assert "probabilities are 0." in blessing.reasons[0]
    assert "away from the trained model's, more than 0.01" in blessing.reasons[0]


def test_a_model_that_crashes_is_not_blessed(validate: Callable, digits: Examples, tmp_path: Path) -> None:
    def crash(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.control_dependencies([tf.raw_ops.Abort(error_msg="out of luck")]):
            return {"image_bytes": tf.identity(image_bytes)}

    said: list[str] = []
    context = Context(tmp_path / "scratch", say=said.append)
    found, blessing = validate(_save(tmp_path / "model", crash), digits, context)
    assert not found["blessed"]
    assert "the process that loaded it ended with" in blessing.reasons[0]
    assert said == [f"not blessed for serving: {blessing.reasons[0]}"]


def test_a_model_that_takes_too_long_is_not_blessed(validate: Callable, servable: ServableModel) -> None:
    found, blessing = validate(servable, timeout=1)
    assert (found["blessed"], blessing.reasons) == (False, ("it gave no answer in 1 s",))


def test_a_model_that_needs_too_much_memory_is_not_blessed(
    validate: Callable, servable: ServableModel
) -> None:
    found, blessing = validate(servable, memory_limit=60)
    assert (found["blessed"], blessing.reasons) == (False, ("it needs more memory than 60 MiB",))


def test_damaged_warm_up_requests_are_told(
    validate: Callable, servable: ServableModel, tmp_path: Path
) -> None:
    copy = ServableModel(tmp_path / "copy")
    (copy.path / "assets.extra").mkdir(parents=True)
    (copy.path / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"no record at all")
    found, blessing = validate(copy)
    assert not found["blessed"]
    assert "tf_serving_warmup_requests can't be read" in blessing.reasons[0]


def test_it_can_be_stopped(validate: Callable, servable: ServableModel, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        validate(servable, context=Context(tmp_path / "scratch", should_stop=lambda: True))


@pytest.mark.parametrize(
    "answer,problem",
    [
        (lambda count: {"image": tf.fill([count], float("nan"))}, "image holds numbers that aren't finite"),
        (lambda count: {"image": tf.zeros([count + 1])}, "image has 3 answers to 2 questions"),
        (lambda count: {"probabilities": tf.ones([count, 4])}, "probabilities aren't from 0 to 1, or don't"),
        (lambda count: {"image_bytes": tf.fill([count], "garbage")}, "image_bytes isn't a picture"),
        (lambda count: {"image": tf.reshape(tf.zeros([count]), [3, 3])}, "it fails: "),
    ],
)
def test_garbage_is_told(
    answer: Callable[[tf.Tensor], dict[str, tf.Tensor]], problem: str, tmp_path: Path
) -> None:
    _save(tmp_path / "model", lambda image_bytes: answer(tf.shape(image_bytes)[0]))
    inputs = {"image_bytes": ["string", _serialized(tf.constant([b"a", b"b"]))]}
    request = {"name": "a picture", "signature": "serve_image_bytes", "inputs": inputs}
    found = check(str(tmp_path / "model"), [request])
    assert found["answered"] == 0
    assert problem in found["problems"][0]
    assert check(str(tmp_path / "model"), [request | {"signature": "other"}])["problems"] == [
        "a picture: it has no signature other"
    ]


def test_a_damaged_model_is_told(servable: ServableModel, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    whole = (servable.path / "saved_model.pb").read_bytes()
    (tmp_path / "model" / "saved_model.pb").write_bytes(whole[: len(whole) // 2])
    assert "it can't be loaded" in check(str(tmp_path / "model"), [])["problems"][0]


def _serialized(tensor: tf.Tensor) -> str:
    return base64.b64encode(tf.io.serialize_tensor(tensor).numpy()).decode()
