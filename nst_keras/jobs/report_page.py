"""The training report as one HTML page that opens from disk and loads nothing from elsewhere."""

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nst_keras.ops.confusion import ClassScores

# The policy makes the browser itself refuse anything that isn't in the file.
_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --ink: #1f2933; --faint: #5d6b7a; --line: #d5dae0; --paper: #fff;
  --card: #f4f6f8; --warn: #fdf1e3; --mark: #b4560f; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #e6e9ec; --faint: #a3adb8; --line: #3b444d;
  --paper: #16191d; --card: #20252a; --warn: #3a2c1b; --mark: #f0a35e; }} }}
body {{ margin: 2rem auto; max-width: 70rem; padding: 0 1rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }}
h1 {{ font-size: 1.5rem; margin: 0 0 1rem; }}
h2 {{ font-size: 1.1rem; margin: 2rem 0 .6rem; }}
table {{ border-collapse: collapse; display: block; overflow-x: auto; }}
th, td {{ padding: .2rem 1.2rem .2rem 0; text-align: left; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere; }}
th {{ color: var(--faint); font-weight: 600; white-space: nowrap; }}
td.number, th.number {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }}
.cards {{ display: flex; flex-wrap: wrap; gap: .8rem; }}
.card {{ background: var(--card); border-radius: .5rem; padding: .6rem 1rem; }}
.card b {{ display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums; }}
.card span {{ color: var(--faint); }}
.warnings {{ background: var(--warn); border-left: 4px solid var(--mark); padding: .5rem 1rem .5rem 2rem; }}
img {{ max-width: 100%; height: auto; background: #fff; border-radius: .5rem; }}
</style>
</head>
<body>
"""


def render_page(
    record: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    scores: Sequence[ClassScores],
    pictures: Mapping[str, tuple[str, bytes]],
) -> str:
    """Renders a report; every text is escaped.

    Args:
        record: What is known of the run. `model` and `dataset` make the title, `metrics` the figures at
            the top, `warnings` a box; each other mapping becomes a table, and what is left one more.
        history: One mapping an epoch.
        scores: Of each class.
        pictures: Heading to description and bytes of a PNG file.
    """
    names = [str(record[key]) for key in ("model", "dataset") if _is_plain(record.get(key))]
    title = html.escape(" on ".join(names) or "Training report")
    parts = [_HEAD.format(title=title), f"<h1>{title}</h1>"]
    parts += _cards(record.get("metrics"))
    parts += _warnings(record.get("warnings"))
    for heading, (description, png) in pictures.items():
        data = base64.b64encode(png).decode("ascii")
        alt = html.escape(description, quote=True)
        parts += [_heading(heading), f'<img alt="{alt}" src="data:image/png;base64,{data}">']
    parts += [_heading("Classes"), _score_table(scores)]
    parts += _record_tables(record)
    if history:
        columns = list(dict.fromkeys(key for row in history for key in row))
        rows = [[row.get(key, "-") for key in columns] for row in history]
        parts += [_heading("Epochs"), _table([_label(key) for key in columns], rows)]
    return "\n".join([*parts, "</body>", "</html>", ""])


def _cards(metrics: Any) -> list[str]:
    if not isinstance(metrics, Mapping) or not metrics:
        return []
    cards = [
        f'<div class="card"><b>{_text(value)}</b><span>{html.escape(_label(key))}</span></div>'
        for key, value in _flat(metrics)
    ]
    return ['<div class="cards">', *cards, "</div>"]


def _warnings(warnings: Any) -> list[str]:
    if not warnings:
        return []
    items = [warnings] if isinstance(warnings, str) else warnings
    return ['<ul class="warnings">', *(f"<li>{_text(item)}</li>" for item in items), "</ul>"]


def _score_table(scores: Sequence[ClassScores]) -> str:
    heads = ["class", "precision", "recall", "F1", "pictures"]
    rows = [[s.name, f"{s.precision:.3f}", f"{s.recall:.3f}", f"{s.f1:.3f}", s.support] for s in scores]
    return _table(heads, rows)


def _record_tables(record: Mapping[str, Any]) -> list[str]:
    """A table for each mapping, and a last one for what stands alone."""
    parts: list[str] = []
    alone: dict[str, Any] = {}
    for key, value in record.items():
        if key in ("metrics", "warnings"):
            continue
        if isinstance(value, Mapping) and value:
            parts += [_heading(_label(key)), _pairs(value)]
        else:
            alone[key] = value
    return parts + ([_heading("Run"), _pairs(alone)] if alone else [])


def _pairs(values: Mapping[str, Any]) -> str:
    """A row for each value; mappings that have the same keys make a table of their own."""
    if len(values) > 1 and all(isinstance(value, Mapping) for value in values.values()):
        columns = list(next(iter(values.values())))
        if all(list(value) == columns for value in values.values()):
            rows = [[_label(key), *value.values()] for key, value in values.items()]
            return _table(["", *map(_label, columns)], rows)
    cells = ((_label(key), _inner(value)) for key, value in values.items())
    lines = (f"<tr><th>{html.escape(key)}</th><td>{text}</td></tr>" for key, text in cells)
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def _inner(value: Any) -> str:
    return _pairs(value) if isinstance(value, Mapping) and value else _text(value)


def _table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """The first column is to the left, the others are numbers."""
    kinds = ["", *[' class="number"'] * (len(heads) - 1)]
    lines = [
        "<tr>" + "".join(f"<th{k}>{html.escape(h)}</th>" for k, h in zip(kinds, heads, strict=True)) + "</tr>"
    ]
    for row in rows:
        cells = (f"<td{kind}>{_text(value)}</td>" for kind, value in zip(kinds, row, strict=True))
        lines.append("<tr>" + "".join(cells) + "</tr>")
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Pairs of a mapping, those of mappings inside it with dotted keys."""
    pairs: list[tuple[str, Any]] = []
    for key, value in values.items():
        inner = isinstance(value, Mapping) and value
        pairs += _flat(value, f"{prefix}{key}.") if inner else [(f"{prefix}{key}", value)]
    return pairs


def _heading(text: str) -> str:
    return f"<h2>{html.escape(text[:1].upper() + text[1:])}</h2>"


def _label(key: str) -> str:
    return str(key).replace("_", " ")


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _text(value: Any) -> str:
    """A value as escaped text: floats with five digits, lists by commas; an empty one is "none"."""
    if value is None or (isinstance(value, Sequence | Mapping) and not value):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return html.escape(str(value))
