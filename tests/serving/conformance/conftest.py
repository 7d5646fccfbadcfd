"""The models that the cases are about."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import tensorflow as tf

from ..conftest import SERVERS, Addresses, Painter, serving

tf1 = tf.compat.v1


class Echo(tf.Module):
    """Gives back what it is given, of any shape."""


def _save_echo(folder: Path) -> None:
    module, anything = Echo(), {}
    for name, dtype in (
        ("ints", tf.int32),
        ("longs", tf.int64),
        ("floats", tf.float32),
        ("doubles", tf.float64),
        ("bools", tf.bool),
        ("strings", tf.string),
    ):
        spec = tf.TensorSpec(None, dtype, name="x")
        anything[name] = tf.function(lambda x: {"y": tf.identity(x)}, [spec]).get_concrete_function()

    def several(number: tf.Tensor, text: tf.Tensor, decimal: tf.Tensor) -> dict[str, tf.Tensor]:
        kept = map(tf.identity, (number, text, decimal))
        return dict(zip(("number_out", "text_bytes", "decimal_out"), kept, strict=True))

    kinds = {"number": tf.int32, "text": tf.string, "decimal": tf.float32}
    specs = [tf.TensorSpec(None, dtype, name=name) for name, dtype in kinds.items()]
    anything["several"] = tf.function(several, specs).get_concrete_function()
    module.functions = anything
    tf.saved_model.save(module, str(folder), signatures=anything)


def _save_half_plus_two(folder: Path) -> None:
    """The first example of TensorFlow Serving, of the kind that estimators wrote, with its three methods."""
    utils, definitions = tf1.saved_model.utils, tf1.saved_model.signature_def_utils
    with tf.Graph().as_default(), tf1.Session() as session:
        half, two = tf1.get_variable("a", initializer=0.5), tf1.get_variable("b", initializer=2.0)
        serialized = tf1.placeholder(tf.string, [None], name="tf_example")
        parsed = tf1.parse_example(serialized, {"x": tf1.FixedLenFeature([1], tf.float32)})["x"]
        x = tf1.placeholder(tf.float32, [None], name="x")
        y, of_examples = x * half + two, parsed * half + two
        session.run(tf1.global_variables_initializer())
        examples = {"inputs": utils.build_tensor_info(serialized)}
        answer = utils.build_tensor_info(of_examples)
        signatures = {
            "serving_default": definitions.predict_signature_def({"x": x}, {"y": y}),
            "regress_x_to_y": definitions.build_signature_def(
                examples, {"outputs": answer}, "tensorflow/serving/regress"
            ),
            "classify_x_to_y": definitions.build_signature_def(
                examples, {"scores": answer}, "tensorflow/serving/classify"
            ),
        }
        builder = tf1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(session, [tf.saved_model.SERVING], signatures)
        builder.save()


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models with a models.config, in which one of them has a second name."""
    root = tmp_path_factory.mktemp("conformance")
    _save_echo(root / "echo" / "1")
    _save_half_plus_two(root / "half_plus_two" / "123")
    painter = Painter()
    # OpenVINO's client can't name a signature.
    signatures = {"serve_image_bytes": painter.paint, "serving_default": painter.paint}
    tf.saved_model.save(painter, str(root / "painter" / "1"), signatures=signatures)
    folders = {name: name for name in ("echo", "half_plus_two", "painter")} | {"team/half": "half_plus_two"}
    configs = "".join(
        f"config {{ name: '{name}' base_path: '{root / folder}' model_platform: 'tensorflow' }}\n"
        for name, folder in folders.items()
    )
    (root / "models.config").write_text(f"model_config_list {{ {configs} }}")
    return root


@pytest.fixture(scope="session", params=SERVERS)
def server(request: pytest.FixtureRequest, models: Path) -> Iterator[Addresses]:
    """A running server with these models."""
    with serving(request.param, models, "half_plus_two") as addresses:
        yield addresses
