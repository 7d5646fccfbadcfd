"""Evaluator: how good a classifier is, on kinds of pictures and against the last blessed one; a blessing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nst_keras.classifiers.plan import MODEL
from nst_keras.data.settings import LASTING
from nst_keras.errors import InputError
from nst_keras.fields import FROM_ONE, SHARE, Settings, number, setting
from nst_keras.storage.files import write_whole
from pipelines.engine.stage import Context, Input, Output, Stage
from pipelines.engine.store.digests import read_tree
from pipelines.examples.files import ExampleInfo, read_info, shard_digests, shard_paths
from pipelines.examples.parts import run_tasks
from pipelines.judging.verdicts import as_record, bless, write_blessing
from pipelines.kinds import Examples, Model, ModelBlessing, ModelEvaluation

if TYPE_CHECKING:
    from nst_keras.classifiers.trained import TrainedClassifier
    from pipelines.judging.tallies import Mistakes, Tally


@dataclass(frozen=True)
class EvaluatorConfig(Settings):
    """What is judged, and what a blessed model must reach."""

    split: str = setting("test", "Split of the examples to judge by.")
    min_accuracy: float = number(0.5, "Least accuracy of a blessed model.", SHARE)
    max_drop: float = number(
        0.01, "How much less accurate than the baseline it may be, on the same pictures.", SHARE
    )
    non_inferior: bool = setting(
        False,
        "Bless only what is surely no less accurate than that: the difference's whole 95 % interval must lie "
        "above -max_drop. Takes many pictures: max_drop=0.01 at least 381.",
    )
    min_slice_accuracy: float = number(0.0, "Least accuracy on each slice.", SHARE)
    min_slice_examples: int = number(20, "Pictures that a slice must have to count for that.", FROM_ONE)


def evaluate(
    config: EvaluatorConfig,
    context: Context,
    *,
    examples: Input[Examples],
    model: Input[Model],
    baseline: Input[Model] | None,
    evaluation: Output[ModelEvaluation],
    blessing: Output[ModelBlessing],
) -> dict[str, Any]:
    """Judges a classifier overall, by class, brightness, contrast and size, and against a baseline.

    A model that falls short of the config isn't blessed, which is no error: the reasons are told and kept. A
    baseline for other classes isn't compared with. Returns "blessed", the overall metrics, and the
    "difference" to the baseline if there is one.
    """
    from nst_keras.classifiers.trained import load_classifier
    from pipelines.judging.classifier_evaluation import render_evaluation
    from pipelines.judging.tallies import measure

    classifier, info = load_classifier(_require_model(model).path), read_info(examples)
    other = load_classifier(_require_model(baseline).path) if baseline else None
    if other is not None and other.class_names != classifier.class_names:
        context.say("the baseline knows other classes, and isn't compared with")
        baseline = None
    if baseline and _may_have_seen(baseline, info):
        context.say(
            f"the baseline's training was cut in another way than by {info.split_by}, and may have seen some "
            "of these pictures; if that alone keeps a model from its blessing, set max_drop=1 once"
        )
    counts, mistakes = _judge(config, context, examples, classifier, (model, baseline))
    found = measure(
        counts, classifier.class_names, has_chances=classifier.has_chances, compared=baseline is not None
    )
    metrics = {"dataset": info.name, "split": config.split, **found}
    verdict = bless(_shortcomings(config, metrics))
    text = json.dumps(metrics, indent=1, ensure_ascii=False) + "\n"
    write_whole(evaluation.path / "metrics.json", text.encode())
    page = render_evaluation(metrics, verdict, mistakes)
    write_whole(evaluation.path / "evaluation.html", page.encode())
    write_blessing(blessing, verdict)
    for reason in verdict.reasons:
        context.say(f"not blessed: {reason}")
    comparison = {"difference": metrics["comparison"]["difference"]} if baseline else {}
    return {"blessed": verdict.blessed, **metrics["overall"], **comparison, **as_record(verdict.reasons)}


def _require_model(model: Model) -> Model:
    if not (model.path / MODEL).exists():
        raise InputError(f"{model.path}: holds no {MODEL}: the Evaluator judges classifiers")
    return model


def _judge(
    config: EvaluatorConfig,
    context: Context,
    examples: Examples,
    classifier: "TrainedClassifier",
    models: tuple[Model, Model | None],
) -> "tuple[Tally, Mistakes]":
    """Asks the model and the baseline about all shards, each read once, wherever the context does that."""
    from pipelines.judging.shard_judging import JudgeTask, judge_shard, read_judged

    own, other = (str(model.path) if model else "" for model in models)
    contents = [read_tree(model.path).digest for model in models if model]
    tasks = []
    digests = shard_digests(examples, config.split)
    for shard, digest in zip(shard_paths(examples, config.split), digests, strict=True):
        target = str(context.scratch / f"{shard.name}.npz")
        piece = context.piece(judge_shard, [*contents, digest])
        tasks.append(JudgeTask(own, other, str(shard), target, piece))
    paths = run_tasks(context, judge_shard, tasks, f"judging {config.split} pictures: shard")
    counts, mistakes = read_judged(paths, classifier)
    if not counts.pictures[0]:
        raise InputError(f"{examples.path}: the split {config.split} holds no picture to judge by")
    return counts, mistakes


def _may_have_seen(baseline: Model, info: ExampleInfo) -> bool:
    """Whether a baseline's training was cut otherwise than these examples, by content or appearance, are."""
    from nst_keras.classifiers.trained import split_by

    return info.split_by in LASTING and split_by(baseline.path) != info.split_by


def _shortcomings(config: EvaluatorConfig, metrics: Mapping[str, Any]) -> list[str]:
    """Sentences about what a model lacks to be blessed."""
    reasons = []
    accuracy = metrics["overall"]["accuracy"]
    if accuracy < config.min_accuracy:
        reasons.append(f"the accuracy is {accuracy:.4f}, below min_accuracy={config.min_accuracy:g}")
    comparison = metrics["comparison"]
    if comparison:
        low, high = comparison["difference_low"], comparison["difference_high"]
        what = f"(95 % interval {low:.4f} to {high:.4f})"
        if comparison["difference"] < -config.max_drop:
            reasons.append(
                f"the accuracy is {-comparison['difference']:.4f} below the baseline's "
                f"{comparison['baseline_accuracy']:.4f} {what}, more than max_drop={config.max_drop:g}"
            )
        elif config.non_inferior and low < -config.max_drop:
            reasons.append(
                f"the accuracy differs by {comparison['difference']:+.4f} from the baseline's {what}, "
                f"which doesn't rule out a drop by more than max_drop={config.max_drop:g}; more pictures of "
                f"the split {metrics['split']} would tell"
            )
    return reasons + [
        f"on {row['slice']} {row['value']} ({row['pictures']} pictures) the accuracy is "
        f"{row['accuracy']:.4f}, below min_slice_accuracy={config.min_slice_accuracy:g}"
        for row in metrics["slices"]
        if row["pictures"] >= config.min_slice_examples and row["accuracy"] < config.min_slice_accuracy
    ]


Evaluator = Stage(evaluate, "Evaluator")
