"""Pusher: what is blessed is pushed, once; all else isn't."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from nst_keras.errors import InputError
from pipelines.engine.stage import Context
from pipelines.judging.verdicts import Blessing, read_outcome, read_pushed, write_blessing
from pipelines.kinds import InfraBlessing, ModelBlessing, PushedModel, ServableModel
from pipelines.stages.pusher import Pusher, PusherConfig, push_model


@pytest.fixture
def config(tmp_path: Path) -> PusherConfig:
    return PusherConfig("digits", str(tmp_path / "serving"))


@pytest.fixture
def servable(new: Callable[..., ServableModel]) -> ServableModel:
    made = new(ServableModel)
    (made.path / "variables").mkdir()
    (made.path / "variables" / "variables.index").write_bytes(b"weights")
    (made.path / "saved_model.pb").write_bytes(b"graph")
    return made


@pytest.fixture
def blessed(new: Callable[..., ModelBlessing]) -> ModelBlessing:
    made = new(ModelBlessing)
    write_blessing(made, Blessing(True))
    return made


def _versions(config: PusherConfig) -> list[str]:
    folder = Path(config.serving_dir, config.name)
    return sorted(path.name for path in folder.iterdir() if path.name.isdecimal()) if folder.exists() else []


def test_a_blessed_model_is_pushed(
    config: PusherConfig, servable: ServableModel, blessed: ModelBlessing, new: Callable[..., PushedModel]
) -> None:
    infra, pushed = new(InfraBlessing), new(PushedModel)
    write_blessing(infra, Blessing(True))
    inputs = {"servable": servable, "blessing": blessed, "infra_blessing": infra}
    found = push_model(config, Context(), **inputs, pushed=pushed)
    folder = Path(config.serving_dir, "digits", "1")
    assert found == {"pushed": True, "name": "digits", "version": 1, "path": str(folder)}
    assert (folder / "variables" / "variables.index").read_bytes() == b"weights"
    assert read_pushed(pushed).path == str(folder)
    assert Pusher.current(config, {"pushed": pushed})


@pytest.mark.parametrize(
    "reasons,told",
    [
        (("the accuracy is 0.2, below min_accuracy=0.9",), "the accuracy is 0.2, below min_accuracy=0.9"),
        ((), "no reason is given"),
    ],
)
@pytest.mark.parametrize(
    "kind,words", [(ModelBlessing, "not blessed"), (InfraBlessing, "not blessed for serving")]
)
def test_an_unblessed_model_is_not_pushed(
    kind: type,
    words: str,
    reasons: tuple[str, ...],
    told: str,
    config: PusherConfig,
    servable: ServableModel,
    blessed: ModelBlessing,
    new: Callable,
) -> None:
    verdicts = {ModelBlessing: blessed, InfraBlessing: new(InfraBlessing)}
    write_blessing(verdicts[InfraBlessing], Blessing(True))
    write_blessing(verdicts[kind], Blessing(False, reasons))
    said, pushed = [], new(PushedModel)
    found = push_model(
        config,
        Context(say=said.append),
        servable=servable,
        blessing=verdicts[ModelBlessing],
        infra_blessing=verdicts[InfraBlessing],
        pushed=pushed,
    )
    about = {"name": "digits", "version": 0, "path": ""}
    assert found == {"pushed": False, **about, "reasons": [f"{words}: {told}"]} and not _versions(config)
    assert said == [f"digits isn't pushed: {words}: {told}"]
    with pytest.raises(InputError, match=f"no model was pushed as digits: {words}: {told}"):
        read_pushed(pushed)
    assert Pusher.current(config, {"pushed": pushed}), "there is nothing to do again"


def test_all_that_speaks_against_a_model_is_told(
    config: PusherConfig, servable: ServableModel, blessed: ModelBlessing, new: Callable
) -> None:
    infra, said = new(InfraBlessing), []
    write_blessing(blessed, Blessing(False, ("one", "two")))
    write_blessing(infra, Blessing(False, ("three",)))
    inputs = {"servable": servable, "blessing": blessed, "infra_blessing": infra}
    push_model(config, Context(say=said.append), **inputs, pushed=new(PushedModel))
    reasons = "not blessed: one; not blessed: two; not blessed for serving: three"
    assert said == [f"digits isn't pushed: {reasons}"]


def test_without_a_blessing_it_refuses(
    config: PusherConfig, servable: ServableModel, new: Callable[..., PushedModel]
) -> None:
    infra, pushed = new(InfraBlessing), new(PushedModel)
    write_blessing(infra, Blessing(True))
    inputs = {"servable": servable, "blessing": None, "infra_blessing": infra}
    with pytest.raises(InputError) as caught:
        push_model(config, Context(), **inputs, pushed=pushed)
    assert str(caught.value) == (
        "Pusher: no blessing says that the model is good enough: "
        'wire blessing=evaluator["blessing"], or set allow_unblessed=True'
    )
    assert not _versions(config)
    allowing = PusherConfig(config.name, config.serving_dir, allow_unblessed=True)
    assert push_model(allowing, Context(), **inputs, pushed=pushed)["version"] == 1


def test_a_damaged_blessing_blesses_nothing(
    config: PusherConfig, servable: ServableModel, blessed: ModelBlessing, new: Callable[..., PushedModel]
) -> None:
    path = blessed.path / "blessing.json"
    path.write_text('{"blessed": "no", "reasons": []}')
    with pytest.raises(InputError, match=str(path)):
        push_model(
            config,
            Context(),
            servable=servable,
            blessing=blessed,
            infra_blessing=None,
            pushed=new(PushedModel),
        )


def test_killed_between_push_and_record_there_is_one_version(
    config: PusherConfig, servable: ServableModel, blessed: ModelBlessing, new: Callable[..., PushedModel]
) -> None:
    inputs = {"servable": servable, "blessing": blessed, "infra_blessing": None}
    first, again = new(PushedModel, "first"), new(PushedModel, "again")
    said: list[str] = []
    push_model(config, Context(say=said.append), **inputs, pushed=first)
    push_model(config, Context(say=said.append), **inputs, pushed=again)
    assert _versions(config) == ["1"]
    assert read_pushed(again) == read_pushed(first)
    folder = Path(config.serving_dir, "digits").absolute()
    assert said == [f"pushed {folder / '1'}", f"{folder / '1'} is this model already"]
    (servable.path / "saved_model.pb").write_bytes(b"another graph")
    assert push_model(config, Context(), **inputs, pushed=again)["version"] == 2


def test_a_version_that_somebody_copied_there_is_not_taken_for_ours(
    config: PusherConfig, servable: ServableModel, blessed: ModelBlessing, new: Callable[..., PushedModel]
) -> None:
    folder = Path(config.serving_dir, "digits", "7")
    shutil.copytree(servable.path, folder)
    inputs = {"servable": servable, "blessing": blessed, "infra_blessing": None}
    assert push_model(config, Context(), **inputs, pushed=new(PushedModel))["version"] == 8


def test_the_newest_are_kept(
    config: PusherConfig, servable: ServableModel, blessed: ModelBlessing, new: Callable[..., PushedModel]
) -> None:
    config = PusherConfig(config.name, config.serving_dir, keep=2)
    inputs = {"servable": servable, "blessing": blessed, "infra_blessing": None}
    pushed = new(PushedModel)
    for number in range(4):
        (servable.path / "saved_model.pb").write_bytes(bytes([number]))
        push_model(config, Context(), **inputs, pushed=pushed)
    assert _versions(config) == ["3", "4"]


def test_a_version_that_is_gone_or_damaged_is_pushed_again(
    config: PusherConfig, servable: ServableModel, blessed: ModelBlessing, new: Callable[..., PushedModel]
) -> None:
    inputs, pushed = {"servable": servable, "blessing": blessed, "infra_blessing": None}, new(PushedModel)
    push_model(config, Context(), **inputs, pushed=pushed)
    Path(read_pushed(pushed).path, "variables", "variables.index").write_bytes(b"damage!")
    assert not Pusher.current(config, {"pushed": pushed})
    push_model(config, Context(), **inputs, pushed=pushed)
    assert read_outcome(pushed).version == 2
    assert Pusher.current(config, {"pushed": pushed})


def test_a_config_without_a_name() -> None:
    with pytest.raises(InputError, match=r"^name must be the model's name. Received: nothing$"):
        PusherConfig()
