"""YAML for Kubeflow Pipelines: kfp itself takes it, and stages hang together as in the pipeline."""

import json
import sys
from pathlib import Path

import pytest
import yaml

from pipelines import compile_kfp
from pipelines.engine.stage import Pipeline
from pipelines.kinds import latest_blessed
from pipelines.run_stage import load_stage, read_config
from pipelines.stages.evaluator import Evaluator, EvaluatorConfig
from pipelines.stages.example_gen import ExampleGen, ExampleGenConfig
from pipelines.stages.trainer import Trainer, TrainerConfig


def _pipeline() -> Pipeline:
    examples = ExampleGen(ExampleGenConfig(dataset="digits"))
    trainer = Trainer(TrainerConfig.of("mlp", "digits", epochs=1), examples=examples["examples"])
    model = trainer["model"]
    evaluator = Evaluator(
        EvaluatorConfig(), examples=examples["examples"], model=model, baseline=latest_blessed(model)
    )
    return Pipeline("small_one", (examples, trainer, evaluator))


@pytest.mark.filterwarnings("ignore:::kfp", "ignore::DeprecationWarning", "ignore::FutureWarning")
def test_kfp_takes_it(tmp_path: Path) -> None:
    components = pytest.importorskip("kfp.components", reason="the extra `kfp` is not installed")
    path, pipeline = tmp_path / "small.yaml", _pipeline()
    compile_kfp.compile_pipeline(pipeline, "registry/image:1", path)
    assert [file.name for file in tmp_path.iterdir()] == ["small.yaml"]
    loaded = components.load_component_from_file(str(path))
    assert set(loaded.component_spec.inputs) == {"example_gen_config", "trainer_config", "evaluator_config"}
    made = yaml.safe_load(path.read_text())
    tasks = made["root"]["dag"]["tasks"]
    edges = {
        (name, key): (
            item["taskOutputArtifact"]["producerTask"],
            item["taskOutputArtifact"]["outputArtifactKey"],
        )
        for name, task in tasks.items()
        for key, item in task["inputs"].get("artifacts", {}).items()
    }
    assert edges == {
        ("trainer", "examples"): ("example-gen", "examples"),
        ("evaluator", "examples"): ("example-gen", "examples"),
        ("evaluator", "model"): ("trainer", "model"),
    }
    assert all("enableCache" not in task["cachingOptions"] for task in tasks.values())
    for node in pipeline.nodes:
        name = compile_kfp._snake(node.name)
        container = made["deploymentSpec"]["executors"][f"exec-{name.replace('_', '-')}"]["container"]
        assert container["image"] == "registry/image:1"
        assert container["command"] == ["python", "-m", "pipelines.run_stage"]
        assert load_stage(container["args"][1]) is node.stage
        text = made["root"]["inputDefinitions"]["parameters"][f"{name}_config"]["defaultValue"]
        assert read_config(node.stage, text) == node.config
    evaluator = made["deploymentSpec"]["executors"]["exec-evaluator"]["container"]["args"]
    optional = [json.loads(text)["IfPresent"]["InputName"] for text in evaluator if "IfPresent" in text]
    assert optional == ["baseline"]


def test_it_says_that_kfp_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "kfp", None)
    monkeypatch.setattr(compile_kfp, "load_pipeline", lambda *_: _pipeline())
    arguments = ["--pipeline=small", "--image=image", f"--output={tmp_path / 'small.yaml'}"]
    monkeypatch.setattr(sys, "argv", ["compile_kfp", *arguments])
    with pytest.raises(SystemExit) as ended:
        compile_kfp.main()
    assert ended.value.code == 1 and "kfp is missing" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
