"""What pages that open from disk are made of: a frame, tables, pictures; nothing is loaded from elsewhere.

Every text is escaped; only what `frame` and `figure` take is HTML already.
"""

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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
  vertical-align: top; }}
td:last-child {{ overflow-wrap: anywhere; min-width: 12rem; }}
td.number:last-child {{ min-width: 0; }}
th {{ color: var(--faint); font-weight: 600; white-space: nowrap; }}
td.number, th.number {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }}
.headline {{ margin: 0 0 1rem; color: var(--faint); }}
.headline b {{ font-size: 3rem; line-height: 1.1; color: var(--ink); font-variant-numeric: tabular-nums; }}
.cards {{ display: flex; flex-wrap: wrap; gap: .8rem; }}
.card {{ background: var(--card); border-radius: .5rem; padding: .6rem 1rem; }}
.card b {{ display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums; }}
.card span {{ color: var(--faint); }}
.warnings {{ background: var(--warn); border-left: 4px solid var(--mark); padding: .5rem 1rem .5rem 2rem; }}
img {{ max-width: 100%; height: auto; background: #fff; border-radius: .5rem; }}
.pictures {{ display: flex; flex-wrap: wrap; gap: .8rem; align-items: flex-end; }}
.pictures figure {{ margin: 0; max-width: 8rem; }}
.pictures img {{ min-width: 3rem; image-rendering: pixelated; border-radius: .2rem; }}
.pictures figcaption {{ color: var(--faint); font-size: .8rem; overflow-wrap: anywhere; }}
p.note {{ color: var(--faint); max-width: 50rem; }}
{style}</style>
</head>
<body>
"""


def frame(title: str, parts: Iterable[str], style: str = "") -> str:
    """A page: its title, plain text, as a heading, then the parts, HTML; `style` is more CSS."""
    name = html.escape(title)
    lines = [_HEAD.format(title=name, style=style), f"<h1>{name}</h1>", *parts, "</body>", "</html>", ""]
    return "\n".join(lines)


def heading(title: str, anchor: str = "") -> str:
    """A heading of the second rank, with a capital; as it stands if a link can lead to it."""
    if anchor:
        return f'<h2 id="{html.escape(anchor)}">{html.escape(title)}</h2>'
    return f"<h2>{html.escape(title[:1].upper() + title[1:])}</h2>"


def note(sentence: str) -> str:
    """A paragraph that explains what is beside it."""
    return f'<p class="note">{html.escape(sentence)}</p>'


def image(data: bytes, description: str, kind: str = "png") -> str:
    """A PNG or JPEG file inside the page."""
    encoded = base64.b64encode(data).decode("ascii")
    return f'<img alt="{html.escape(description)}" src="data:image/{kind};base64,{encoded}">'


def figure(picture: str, caption: str) -> str:
    """An `image` with a caption, which is HTML too."""
    return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"


def picture_grid(pictures: Iterable[tuple[str, bytes]]) -> str:
    """Small pictures side by side: caption and bytes of a PNG file each."""
    figures = [figure(image(data, caption), html.escape(caption)) for caption, data in pictures]
    return '<div class="pictures">\n' + "\n".join(figures) + "\n</div>"


def headline(share: float, words: str) -> str:
    """The one number that a page is opened for, as a percentage, very large, and what it is of."""
    return f'<p class="headline"><b>{100 * share:.1f} %</b> {html.escape(words)}</p>'


def cards(values: Mapping[str, Any]) -> list[str]:
    """The figures that matter most, large; those of mappings inside with dotted names."""
    figures = [
        f'<div class="card"><b>{text(value)}</b><span>{html.escape(label(key))}</span></div>'
        for key, value in _flat(values)
    ]
    return ['<div class="cards">', *figures, "</div>"] if figures else []


def warning_list(warnings: Iterable[Any]) -> list[str]:
    """A box of sentences; nothing if there are none."""
    items = [f"<li>{text(item)}</li>" for item in warnings]
    return ['<ul class="warnings">', *items, "</ul>"] if items else []


def pairs(values: Mapping[str, Any]) -> str:
    """A row for each value; mappings that have the same keys make a table of their own."""
    if len(values) > 1 and all(isinstance(value, Mapping) for value in values.values()):
        columns = list(next(iter(values.values())))
        if all(list(value) == columns for value in values.values()):
            rows = [[label(key), *value.values()] for key, value in values.items()]
            return table(["", *map(label, columns)], rows)
    cells = ((label(key), _inner(value)) for key, value in values.items())
    lines = (f"<tr><th>{html.escape(key)}</th><td>{value}</td></tr>" for key, value in cells)
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def _inner(value: Any) -> str:
    return pairs(value) if isinstance(value, Mapping) and value else text(value)


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]], *, numbers: bool = True) -> str:
    """The first column is to the left, the others are `numbers`, or else words that stand as they are."""
    kinds = ["", *[' class="number"' if numbers else ""] * (len(heads) - 1)]
    lines = [_row("th", kinds, map(html.escape, heads))]
    lines += [_row("td", kinds, map(text if numbers else html.escape, row)) for row in rows]
    return "\n".join(["<table>", *lines, "</table>"])


def _row(tag: str, kinds: Iterable[str], cells: Iterable[str]) -> str:
    content = (f"<{tag}{kind}>{cell}</{tag}>" for kind, cell in zip(kinds, cells, strict=True))
    return f"<tr>{''.join(content)}</tr>"


def label(key: str) -> str:
    """A key as words."""
    return str(key).replace("_", " ")


def text(value: Any) -> str:
    """A value as escaped text: floats with five digits, lists by commas; an empty one is "none"."""
    if value is None or (isinstance(value, Sequence | Mapping) and not value):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(text, value))
    return html.escape(str(value))


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Pairs of a mapping, those of mappings inside it with dotted keys."""
    flat: list[tuple[str, Any]] = []
    for key, value in values.items():
        inner = isinstance(value, Mapping) and value
        flat += _flat(value, f"{prefix}{key}.") if inner else [(f"{prefix}{key}", value)]
    return flat
