"""Evaluator of stylizers: what it blesses, what it doesn't and why, and that it can be stopped."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nst_keras.errors import InputError
from nst_keras.models.arbitrary_style import build_decoder
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.pictures.images import decode_image, encode_image, read_image
from nst_keras.stylizers.arbitrary.file import ArbitraryStylizer, write_arbitrary_stylizer
from nst_keras.stylizers.by_name import load_painter
from nst_keras.stylizers.multi_style.file import read_stylizer, write_stylizer
from pipelines.engine.stage import Context, Stopped
from pipelines.judging.verdicts import read_blessing
from pipelines.kinds import Examples, Model, ModelBlessing, ModelEvaluation
from pipelines.stages.picture_evaluator import PictureEvaluator, PictureEvaluatorConfig, evaluate

SMALL = PictureEvaluatorConfig(
    size=64, painting_size=96, huge_side=112, vgg="8bit", independent="none", least_fall=0.05
)


@pytest.fixture(autouse=True)
def weights(real_weights: VGG19Weights) -> None:
    """They are there."""


@pytest.fixture
def examples(
    write_collection: Callable[..., Examples], photos: dict[str, bytes], photo: np.ndarray
) -> Examples:
    """Photos, and as a painting of starry_night one that the shipped stylizer made of another photo."""
    painter = load_painter()
    painting = painter.painted(photo, painter.blend(["starry_night"]))
    return write_collection(
        {
            "photos": photos,
            "paintings": {"starry_night": encode_image(painting, ".png"), "other": photos["left"]},
        }
    )


@pytest.fixture
def changed(tmp_path: Path) -> Callable[..., Model]:
    """Writes the shipped stylizer with some variables changed."""

    def write(name: str = "model", **changes: Callable[[np.ndarray], np.ndarray]) -> Model:
        stylizer = read_stylizer()
        for variable in stylizer.model.weights:
            for key, change in changes.items():
                if key in variable.path:
                    variable.assign(change(np.asarray(variable)))
        (tmp_path / name).mkdir()
        write_stylizer(tmp_path / name / "stylizer.npz", stylizer)
        return Model(tmp_path / name)

    return write


@pytest.fixture
def run(examples: Examples, make_output: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Judges a model; returns what the stage returned, its metrics and its blessing."""

    def run(
        model: Model,
        baseline: Model | None = None,
        config: PictureEvaluatorConfig = SMALL,
        examples: Examples = examples,
        name: str = "run",
        **context: Any,
    ) -> tuple[dict[str, Any], ModelEvaluation, ModelBlessing]:
        evaluation = make_output(ModelEvaluation, f"{name}-evaluation")
        blessing = make_output(ModelBlessing, f"{name}-blessing")
        report = evaluate(
            config,
            Context(tmp_path / f"{name}-scratch", **context),
            examples=examples,
            model=model,
            baseline=baseline,
            evaluation=evaluation,
            blessing=blessing,
        )
        return report, evaluation, blessing

    return run


def test_a_good_stylizer_is_blessed(run: Callable[..., Any], changed: Callable[..., Model]) -> None:
    lines: list[str] = []
    model = changed()
    report, evaluation, blessing = run(model, show=lines.append)
    assert report["blessed"] and read_blessing(blessing).blessed, read_blessing(blessing).reasons
    assert lines[2] == "photo 3/3" and lines[-1] == "slice 5/5"
    metrics = json.loads((evaluation.path / "metrics.json").read_text())
    assert metrics["judged"] == ["starry_night"] and "great_wave" in metrics["styles"]
    assert set(metrics["slices"]) == {"all", "flat", "gradient", "dark", "tiny", "huge"}
    one = metrics["slices"]["all"]["starry_night"]["distances"]["vgg19"]
    assert 0 < one["style"] < one["photo_style"] and 0 < one["content"] < 1
    assert one["fall"] == pytest.approx(1 - one["style"] / one["photo_style"], abs=1e-3)
    assert report["style_vgg19"] == one["style"]
    assert "distances" not in metrics["slices"]["all"]["great_wave"]
    assert read_image(evaluation.path / "contact_sheet.jpg").shape[1] > 5 * 100
    page = (evaluation.path / "evaluation.html").read_text()
    assert "starry_night" in page and "data:image/jpeg" in page


@pytest.mark.parametrize(
    "changes,reason",
    [
        pytest.param(
            {"photo_gain": np.zeros_like, "conv_out_norm": np.zeros_like},
            "is of one colour",
            marks=pytest.mark.large,
        ),
        pytest.param(
            {"conv_out_norm/beta": lambda beta: beta * 0 + 1000},
            "driven to 0 or 255",
            marks=pytest.mark.large,
        ),
        pytest.param(
            {"conv_out_norm/beta": lambda beta: beta * np.nan}, "aren't finite", marks=pytest.mark.large
        ),
        pytest.param({"photo_gain": np.zeros_like}, "from the photos by vgg19", marks=pytest.mark.large),
    ],
)
def test_what_is_wrong_with_a_stylizer_is_said(
    run: Callable[..., Any],
    changed: Callable[..., Model],
    changes: dict[str, Callable[[np.ndarray], np.ndarray]],
    reason: str,
) -> None:
    config = replace(SMALL, most_content=0.5) if "from the photos" in reason else SMALL
    report, evaluation, blessing = run(changed(**changes), config=config)
    assert not report["blessed"]
    verdict = read_blessing(blessing)
    assert not verdict.blessed and any(reason in said for said in verdict.reasons), verdict.reasons
    assert json.loads((evaluation.path / "metrics.json").read_text())["reasons"] == list(verdict.reasons)


@pytest.mark.large  # two models
def test_a_stylizer_must_not_be_worse_than_the_one_before(
    run: Callable[..., Any], changed: Callable[..., Model]
) -> None:
    good = changed("good")
    # Starry night painted with the great wave's rows.
    swapped = {
        name: lambda rows: rows[[0, 1, 2, 0]] if len(rows) == 4 else rows for name in ("gamma", "beta")
    }
    other = changed("other", **swapped)
    report, _, blessing = run(other, good, config=replace(SMALL, least_fall=0.0, most_content=9.0))
    assert not report["blessed"]
    assert any("of the model that was blessed last" in why for why in read_blessing(blessing).reasons)
    report, _, _ = run(good, other, name="back")
    assert report["blessed"]


@pytest.mark.large  # two runs
def test_a_stopped_run_judges_only_what_is_missing(
    run: Callable[..., Any], changed: Callable[..., Model], contents: Callable, tmp_path: Path
) -> None:
    model = changed()
    _, through, _ = run(model, name="through")
    _, again, _ = run(model, name="again")
    assert contents(again) == contents(through)
    with pytest.raises(Stopped):
        run(model, name="stopped", should_stop=lambda: True)
    (tmp_path / "stopped-evaluation").rmdir()
    (tmp_path / "stopped-blessing").rmdir()
    results = list((tmp_path / "stopped-scratch").glob("*.json"))
    assert len(results) == 1
    written = results[0].stat().st_mtime_ns
    _, evaluation, _ = run(model, name="stopped")
    assert results[0].stat().st_mtime_ns == written
    assert contents(evaluation) == contents(through)


@pytest.mark.large
def test_slices_come_from_the_collection_where_it_has_them(
    run: Callable[..., Any],
    changed: Callable[..., Model],
    write_collection: Callable[..., Examples],
    photos: dict[str, bytes],
) -> None:
    night = encode_image(decode_image(photos["left"], "left") * 0.05, ".png")
    splits = {
        "photos": {
            "cut": photos["left"][:500],
            "night": night,
            "thin": encode_image(np.zeros((4, 90, 3)), ".png"),
        },
        "paintings": {"starry_night": photos["right"]},
    }
    examples = write_collection(splits, "night")
    _, evaluation, _ = run(changed(), examples=examples)
    metrics = json.loads((evaluation.path / "metrics.json").read_text())
    assert metrics["slices"]["dark"] == metrics["slices"]["all"]
    assert metrics["photos"] == ["night"]
    assert [error.partition(":")[0] for error in metrics["errors"]] == ["cut", "thin"]
    unknown = write_collection({"photos": photos, "paintings": {"ink": photos["left"]}}, "unknown")
    with pytest.raises(InputError, match=r"must hold the painting of a style of .*great_wave"):
        run(changed("again"), examples=unknown, name="unknown")


@pytest.mark.large
def test_a_stylizer_of_any_painting_is_judged_in_all_of_the_collection(
    run: Callable[..., Any],
    changed: Callable[..., Model],
    write_collection: Callable[..., Examples],
    photos: dict[str, bytes],
    real_weights: VGG19Weights,
    tmp_path: Path,
) -> None:
    stylizer = ArbitraryStylizer(build_decoder(width=0.125), 0.125, 64, real_weights.digest)
    (tmp_path / "any").mkdir()
    write_arbitrary_stylizer(tmp_path / "any" / "stylizer.npz", stylizer)
    splits = {"photos": {"left": photos["left"]}, "paintings": {"starry_night": photos["right"]}}
    examples = write_collection(splits, "one")
    report, evaluation, blessing = run(Model(tmp_path / "any"), changed(), examples=examples)
    metrics = json.loads((evaluation.path / "metrics.json").read_text())
    assert metrics["styles"] == metrics["judged"] == metrics["shared"] == ["starry_night"]
    assert not report["blessed"], "the decoder isn't trained"
    assert any("of the model that was blessed last" in reason for reason in read_blessing(blessing).reasons)


@pytest.mark.large
def test_what_people_see_is_told_and_refuses_the_shipped_stylizer_if_it_is_to_count(
    run: Callable[..., Any],
    changed: Callable[..., Model],
    write_collection: Callable[..., Examples],
    photo: np.ndarray,
) -> None:
    splits = {"photos": {"whole": photo}, "paintings": {"starry_night": photo[::-1]}}
    encoded = {
        kind: {name: encode_image(one, ".png") for name, one in some.items()} for kind, some in splits.items()
    }
    examples = write_collection(encoded, "large")
    strict = replace(
        SMALL, size=160, most_unpainted=0.25, most_repetition=0.02, most_lattice=10, most_unrest=10
    )
    report, evaluation, blessing = run(changed(), config=strict, examples=examples)
    assert not report["blessed"]
    reasons = "; ".join(read_blessing(blessing).reasons)
    assert "keep the photo's texture is" in reasons and "a grid stands out of pictures is" in reasons
    metrics = json.loads((evaluation.path / "metrics.json").read_text())
    for calm in ("flat", "gradient"):
        assert set(metrics["slices"][calm]["great_wave"]["artefacts"]) == {"unrest", "border"}


def test_the_stage_compares_with_a_baseline_if_there_is_one() -> None:
    assert PictureEvaluator.name == "Evaluator"
    assert PictureEvaluator.inputs["baseline"].optional and not PictureEvaluator.inputs["model"].optional


@pytest.mark.large  # fetches the network on first use
def test_an_independent_network_judges_too(run: Callable[..., Any], changed: Callable[..., Model]) -> None:
    report, evaluation, _ = run(changed(), config=replace(SMALL, independent="efficientnet_lite0"))
    metrics = json.loads((evaluation.path / "metrics.json").read_text())
    assert set(metrics["overall"]) == {"vgg19", "efficientnet_lite0"}
    assert 0 < report["style_efficientnet_lite0"] < report["photo_style_efficientnet_lite0"]
