"""The report of a run: its graph, times, configs, metrics and pictures, as one page that opens from disk."""

import html
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nst_keras.errors import InputError
from nst_keras.reports.page_parts import figure, frame, heading, headline, image, pairs, table, warning_list
from nst_keras.storage.files import write_whole
from pipelines.engine.store.artifact_files import folder_of
from pipelines.engine.store.rows import Execution, Run, StoredArtifact, format_time, seconds_of
from pipelines.engine.store.store import Store
from pipelines.kinds import is_refusal, refusals
from pipelines.reports.graph_svg import STYLE, Box, draw

COLORS = {
    "complete": "#cdeccf",
    "cached": "#d5e5f7",
    "refused": "#f6c48f",
    "failed": "#f8cfc9",
    "killed": "#f8cfc9",
    "stopped": "#fbe6b8",
    "running": "#fbf6c8",
    "not run": "#e7eaed",
}
# Values of records that a run is done for, and what they say.
_HEADLINES = {
    "accuracy": "of the pictures that the model was judged by are named rightly",
    "fall_vgg19": "nearer to the paintings than the photos are, by VGG-19",
}
_PAGES = ".html"
_PICTURES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}
_EMBEDDED_BYTES, _ALL_BYTES = 400_000, 6_000_000  # of one picture, and of all together
_REPORT_STYLE = STYLE + "p.legend span { padding: .1rem .6rem; border-radius: .3rem; color: #1f2933; }\n"


@dataclass(frozen=True)
class _Turn:
    """A node's turn in a run; without an execution if it never began."""

    node: Mapping[str, Any]
    state: str
    execution: Execution | None
    outputs: Mapping[str, StoredArtifact]


def write_report(store: Store, run: int) -> Path:
    """Writes `reports/run-N.html` into the pipeline root, the same as `latest.html`, and returns the path."""
    row = store.read(Run, run)
    turns = _turns(store, row)
    reports = store.root / "reports"
    try:
        reports.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"{reports}: cannot be made: {error.strerror}") from error
    data = frame(f"Run {run} of {row.pipeline}", _parts(store, row, turns, reports), _REPORT_STYLE).encode()
    path = reports / f"run-{run}.html"
    write_whole(path, data)
    write_whole(reports / "latest.html", data)
    return path


def _turns(store: Store, run: Run) -> list[_Turn]:
    done = store.run_executions(run.id)
    turns = []
    for node in run.nodes:
        if node["name"] not in done:
            turns.append(_Turn(node, "not run", None, {}))
            continue
        execution, cached = done[node["name"]]
        outputs = store.events(execution.id, "output")
        state = "cached" if cached else execution.state
        state = "refused" if is_refusal(execution.record) else state
        turns.append(_Turn(node, state, execution, outputs))
    return turns


def _parts(store: Store, run: Run, turns: list[_Turn], reports: Path) -> Iterator[str]:
    refused = refusals({turn.node["name"]: turn.execution.record for turn in turns if turn.execution})
    yield from warning_list([*([run.error] if run.error else []), *refused])
    records = [turn.execution.record for turn in turns if turn.execution]
    for name, words in _HEADLINES.items():
        yield from (headline(record[name], words) for record in records if name in record)
    about = {
        "state": f"{run.state}; the model was refused" if refused else run.state,
        "began": format_time(run.started),
        "took": seconds_of(run),
    }
    yield pairs({**about, "command": run.command, "machine": run.host, "nst_keras": run.version})
    yield heading("Stages")
    boxes = {turn.node["name"]: _box(turn) for turn in turns}
    arrows = [(source, turn.node["name"]) for turn in turns for source in turn.node["inputs"].values()]
    yield draw(boxes, arrows)
    shown = dict.fromkeys(turn.state for turn in turns)
    states = (f'<span style="background:{COLORS[state]}">{state}</span>' for state in shown)
    yield f'<p class="legend">{" ".join(states)}</p>'
    yield _overview(turns)
    left = _ALL_BYTES
    for turn in turns:
        yield heading(turn.node["name"], turn.node["name"])
        lines, left = _stage_parts(store, turn, reports, left)
        yield from lines


def _box(turn: _Turn) -> Box:
    name, execution = turn.node["name"], turn.execution
    seconds = seconds_of(execution) if execution and turn.state != "cached" else ""
    return Box((name, f"{turn.state} {seconds}".strip()), COLORS[turn.state], f"#{quote(name)}")


def _overview(turns: list[_Turn]) -> str:
    rows = []
    for turn in turns:
        figures = ["", "", ""]
        if execution := turn.execution:
            size = sum(artifact.num_bytes for artifact in turn.outputs.values())
            again = f" (run {execution.run})" if turn.state == "cached" else ""
            figures = [f"{execution.id}{again}", seconds_of(execution), f"{size:,}"]
        rows.append([turn.node["name"], turn.state, *figures])
    return table(["stage", "state", "execution", "took", "bytes made"], rows, numbers=False)


def _stage_parts(store: Store, turn: _Turn, reports: Path, left: int) -> tuple[list[str], int]:
    execution = turn.execution
    if execution is None:
        return ["<p>Not run.</p>"], left
    lines = warning_list([execution.error] if execution.error else [])
    for title, values in (("config", execution.config), ("record", execution.record)):
        if values:
            lines += [f"<h3>{title}</h3>", pairs(values)]
    pictures, links = list[str](), list[str]()
    for name, artifact in turn.outputs.items():
        folder = folder_of(store, artifact)
        words = f"{artifact.kind} {artifact.id}, {artifact.digest[:12]}, {artifact.num_bytes:,} bytes"
        live = artifact.state == "live"
        link = _link(folder, reports, words) if live else html.escape(f"{words}, {artifact.state}")
        links.append(f"<li>{html.escape(name)}: {link}</li>")
        for said in store.judgements(artifact.id):
            links.append(f"<li>{html.escape(f'{said}, {format_time(said.made)}')}</li>")
        for inner in artifact.files:
            path = folder / inner
            suffix = path.suffix.lower()
            if suffix == _PAGES and path.is_file():
                links.append(f"<li>{_link(path, reports, f'{name}/{inner}')}</li>")
            if suffix in _PICTURES and path.is_file():
                picture, used = _picture(path, reports, f"{name}/{inner}", left)
                pictures.append(picture)
                left -= used
    if links:
        lines += ["<h3>artifacts</h3>", "<ul>", *links, "</ul>"]
    return [*lines, *pictures], left


def _link(path: Path, reports: Path, words: str) -> str:
    where = quote(Path(os.path.relpath(path.absolute(), reports.absolute())).as_posix())
    return f'<a href="{where}">{html.escape(words)}</a>'


def _picture(path: Path, reports: Path, name: str, left: int) -> tuple[str, int]:
    """A small picture inside the page; a link to a large one, and to all once the page is large enough."""
    size = path.stat().st_size
    if size > min(_EMBEDDED_BYTES, left):
        return f"<p>{_link(path, reports, name)}</p>", 0
    picture = image(path.read_bytes(), name, _PICTURES[path.suffix.lower()])
    return figure(picture, _link(path, reports, name)), size
