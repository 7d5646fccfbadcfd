"""An artifact's lineage in text, and as a page with a drawn graph that opens from disk."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nst_keras.reports.page_parts import frame, heading, note, pairs, table, warning_list
from pipelines.engine.store.ancestry import Lineage
from pipelines.engine.store.rows import (
    EXTERNAL,
    Execution,
    Judgement,
    StoredArtifact,
    format_time,
    seconds_of,
)
from pipelines.reports.graph_svg import STYLE, Box, draw

_SHORT = 12  # digits of a digest
_MAKERS = 3  # of equal contents, how many executions are told of
_ARTIFACT, _EXECUTION, _FAILED = "#e7eaed", "#d5e5f7", "#f8cfc9"


@dataclass(frozen=True)
class Answer:
    """An artifact's lineage, in one direction or both."""

    artifact: StoredArtifact
    folder: Path
    counts: tuple[int, int]  # of the executions before and after it
    before: Lineage  # executions that it was made by, all or the nearest
    after: Lineage  # executions that use it, all or the nearest
    makers: tuple[int, ...] | None  # the last first; None if they weren't asked for
    users: tuple[int, ...] | None  # the first first; None if they weren't asked for
    judgements: tuple[Judgement, ...] = ()  # what persons said of it, the first first


def describe(answer: Answer) -> Iterator[str]:
    """Yields lines of text: what it was made from, then what was made of it, as trees; no execution twice."""
    yield f"{_words(answer.artifact)}  {answer.artifact.num_bytes:,} bytes  {answer.folder}"
    yield from _said(answer.judgements, "")
    if answer.makers is not None and not answer.makers:
        outside = answer.artifact.kind == EXTERNAL
        yield "made outside" if outside else "made by an execution that was killed before it ended"
    if answer.makers:
        yield "made by"
        told: set[int] = set()
        for maker in answer.makers[:_MAKERS]:
            yield from _above(answer.before, maker, "  ", told)
        if len(answer.makers) > _MAKERS:
            yield f"  and {len(answer.makers) - _MAKERS} earlier executions that made equal contents"
        yield from _omitted(answer.counts[0], answer.before)
    if answer.users is not None and not answer.users:
        yield "used by nothing"
    if answer.users:
        yield "used by"
        told = set()
        for user in answer.users:
            yield from _below(answer.after, user, "  ", told)
        yield from _omitted(answer.counts[1], answer.after)


def _said(judgements: Iterable[Judgement], indent: str) -> Iterator[str]:
    return (f"{indent}{judgement}, {format_time(judgement.made)}" for judgement in judgements)


def _omitted(count: int, shown: Lineage) -> Iterator[str]:
    if count > len(shown.executions):
        yield f"  ({len(shown.executions)} of {count} executions are shown, those nearest to the artifact)"


def _above(lineage: Lineage, number: int, indent: str, told: set[int]) -> Iterator[str]:
    yield from _execution(lineage, number, indent, told)
    if number in told or number not in lineage.executions:
        return
    told.add(number)
    for name, taken in lineage.inputs[number].items():
        artifact = lineage.artifacts[taken.artifact]
        outside = f"  {artifact.path}" if artifact.kind == EXTERNAL else ""
        yield f"{indent}  {name}: {_words(artifact)}{outside}"
        yield from _said(lineage.judgements.get(taken.artifact, ()), f"{indent}    ")
        if taken.source is not None:
            yield from _above(lineage, taken.source, f"{indent}    ", told)


def _below(lineage: Lineage, number: int, indent: str, told: set[int]) -> Iterator[str]:
    if number not in lineage.executions:
        return
    yield from _execution(lineage, number, indent, told)
    if number in told:
        return
    told.add(number)
    for name, output in lineage.outputs[number].items():
        yield f"{indent}  -> {name}: {_words(lineage.artifacts[output])}"
        yield from _said(lineage.judgements.get(output, ()), f"{indent}     ")
        for user, inputs in lineage.inputs.items():
            for key, taken in inputs.items():
                if (taken.artifact, taken.source) == (output, number):
                    yield f"{indent}    as {key} of"
                    yield from _below(lineage, user, f"{indent}    ", told)


def _execution(lineage: Lineage, number: int, indent: str, told: set[int]) -> Iterator[str]:
    execution = lineage.executions.get(number)
    if execution is None:
        yield f"{indent}execution {number} (not shown)"
        return
    head = f"{indent}execution {number}: {execution.node} of {execution.pipeline}, run {execution.run}"
    if number in told:
        yield f"{head} (see above)"
        return
    state = "" if execution.state == "complete" else f", {execution.state}"
    yield f"{head}, {_when(execution)}{state}"
    yield f"{indent}    stage {execution.stage}, code {execution.code.get('digest', '')[:_SHORT]}"
    if execution.config:
        yield f"{indent}    config {_list(execution.config, '=')}"
    if execution.code.get("libraries"):
        yield f"{indent}    libraries {_list(execution.code['libraries'], ' ')}"


def _when(execution: Execution) -> str:
    return ", ".join(filter(None, [format_time(execution.started), seconds_of(execution)]))


def _list(values: Mapping[str, Any], between: str) -> str:
    return ", ".join(f"{key}{between}{_value(value)}" for key, value in values.items())


def _value(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _words(artifact: StoredArtifact) -> str:
    state = "" if artifact.state == "live" else f" ({artifact.state})"
    return f"{artifact.kind} {artifact.id} {artifact.digest[:_SHORT]}{state}"


def draw_page(answer: Answer, note: str = "") -> str:
    """The lineage as a page: the graph, then every execution and artifact in it."""
    return frame(f"Lineage of {answer.artifact.kind} {answer.artifact.id}", _parts(answer, note), STYLE)


def _parts(answer: Answer, warning: str) -> Iterator[str]:
    yield from warning_list([warning] if warning else [])
    lineages = (answer.before, answer.after)
    shown = dict(pair for lineage in lineages for pair in sorted(lineage.executions.items()))
    artifacts = {answer.artifact.id: answer.artifact}
    arrows: list[tuple[str, str]] = []
    for lineage in lineages:
        artifacts |= lineage.artifacts
        for number, inputs in lineage.inputs.items():
            arrows += [(f"a{taken.artifact}", f"e{number}") for taken in inputs.values()]
        for number, outputs in lineage.outputs.items():
            arrows += [(f"e{number}", f"a{artifact}") for artifact in outputs.values()]
    boxes = {f"a{number}": _artifact_box(artifacts[number], answer) for number in sorted(artifacts)}
    boxes |= {f"e{number}": _execution_box(execution) for number, execution in shown.items()}
    yield draw(boxes, arrows)
    said = [one for lineage in lineages for ones in lineage.judgements.values() for one in ones]
    for judgement in dict.fromkeys([*answer.judgements, *said]):
        of = artifacts[judgement.artifact]
        yield note(f"{of.kind} {of.id}: {judgement}, {format_time(judgement.made)}")
    if sum(answer.counts) > len(shown):
        yield f"<p>{len(shown)} of {sum(answer.counts)} executions are shown, those nearest to it.</p>"
    yield heading("Artifacts")
    rows = [
        [f"{a.kind} {a.id}", a.digest[:_SHORT], f"{a.num_bytes:,}", format_time(a.created), a.state, a.path]
        for _, a in sorted(artifacts.items())
    ]
    yield table(["artifact", "digest", "bytes", "made", "state", "path"], rows, numbers=False)
    for number, execution in shown.items():
        yield heading(f"Execution {number}: {execution.node}", f"e{number}")
        yield from warning_list([execution.error] if execution.error else [])
        yield pairs(_details(execution))


def _artifact_box(artifact: StoredArtifact, answer: Answer) -> Box:
    lines = (f"{artifact.kind} {artifact.id}", f"{artifact.digest[:_SHORT]} {artifact.state}")
    return Box(lines, _ARTIFACT, bold=artifact.id == answer.artifact.id)


def _execution_box(execution: Execution) -> Box:
    color = _EXECUTION if execution.state in ("complete", "running") else _FAILED
    lines = (execution.node, f"execution {execution.id}, run {execution.run}")
    return Box(lines, color, f"#e{execution.id}")


def _details(execution: Execution) -> dict[str, Any]:
    about = {"pipeline": execution.pipeline, "run": execution.run, "state": execution.state}
    about |= {"when": _when(execution), "stage": execution.stage, "code": execution.code.get("digest", "")}
    about["libraries"] = _list(execution.code.get("libraries", {}), " ")
    return about | {"config": execution.config, "record": execution.record}
