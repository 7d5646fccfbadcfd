"""Kinds of artifacts, after TFX's standard artifacts; the engine below knows none of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipelines.engine.stage import Approval, Artifact, Channel


class Examples(Artifact):
    """Pictures as TFRecord shards, labelled or not; `pipelines.examples.files` reads and writes them."""


class ExampleStatistics(Artifact):
    """Statistics of examples: `FeatureStats.pb`, `near_duplicates.json` and an HTML page."""


class Schema(Artifact):
    """What examples must look like: `schema.pbtxt`."""


class ExampleAnomalies(Artifact):
    """Where examples break their schema or have drifted: `anomalies.pbtxt` and an HTML page."""


class TransformGraph(Artifact):
    """The transformation of examples as a SavedModel, so that serving can do the same."""


class Model(Artifact):
    """A trained model with its report: `model.keras` of a classifier, `stylizer.npz` of a stylizer."""


class ServableModel(Artifact):
    """A SavedModel that a model server takes, as `nst_keras.export.job` writes it."""


class ModelEvaluation(Artifact):
    """Metrics by slice, and what they were compared with: `metrics.json` and an HTML page."""


class ModelBlessing(Artifact):
    """Whether a model is good enough: `blessing.json`."""


class ModelJudgement(Artifact):
    """What a person said of a model: `judgement.json`."""


class InfraBlessing(Artifact):
    """Whether a SavedModel loads and answers: `blessing.json`."""


class PushedModel(Artifact):
    """Where a model was pushed to, and as what version: `pushed.json`."""


class InferenceResult(Artifact):
    """What a pushed model made of a collection: pictures, or `predictions.csv`."""


class Pictures(Artifact):
    """Painted pictures with a contact sheet."""


BLESSED = Approval(kind=Model.__name__, input="model", field="blessed")
VALID = Approval(kind=ExampleStatistics.__name__, input="statistics", field="valid")

_VERDICTS = ("blessed", "pushed")  # of a stage's record: false if the stage refused a model


def is_refusal(record: Mapping[str, Any]) -> bool:
    """Whether a stage refused a model, by its record."""
    return any(record.get(name) is False for name in _VERDICTS)


def refusals(records: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Why the last one of nodes that refused the model did so, a sentence each; none if there is none.

    One that was pushed all the same, since a person approved it, isn't refused.
    """
    pushed = any(record.get("pushed") for record in records.values())
    refusing = [
        node
        for node, record in records.items()
        if is_refusal(record) and not (pushed and record.get("blessed") is False)
    ]
    return [
        f"{node}: {reason}"
        for node in refusing[-1:]
        for reason in records[node].get("reasons") or ("no reason is given",)
    ]


def latest_blessed(other_than: Channel) -> Channel:
    """An input: the model that an Evaluator of this pipeline blessed last, other than this one."""
    return replace(other_than, approval=BLESSED)


def judged(model: Channel) -> Channel:
    """An input: what a person said of this model last, if anything."""
    return replace(model, judged_as=ModelJudgement)


def latest_valid(other_than: Channel) -> Channel:
    """An input: the statistics that this pipeline found valid last, of other examples than these.

    So an ExampleValidator compares with the span before.
    """
    return replace(other_than, approval=VALID)
