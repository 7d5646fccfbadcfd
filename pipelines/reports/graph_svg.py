"""Graphs drawn as SVG for pages that open from disk: layers from left to right."""

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

STYLE = """div.graph { overflow-x: auto; }
svg.graph { display: block; }
svg.graph text { font: 12px system-ui, sans-serif; fill: #1f2933; }
svg.graph .small { font-size: 10px; fill: #45525f; }
svg.graph path { fill: none; stroke: #8b98a5; stroke-width: 1.3; }
svg.graph path.back { stroke-dasharray: 4 3; }
"""
_HEIGHT, _GAP, _LAYER_GAP, _LETTER = 40, 14, 54, 7.4  # pixels
_BACK = 24  # how far an arrow that goes back hangs down


@dataclass(frozen=True)
class Box:
    """A box of a graph."""

    lines: tuple[str, ...]  # one or two
    color: str  # of its ground
    link: str = ""  # what a click opens
    bold: bool = False  # whether its edge is thick


def draw(boxes: Mapping[str, Box], arrows: Iterable[tuple[str, str]]) -> str:
    """Draws boxes by key, those that hang together best near each other, and arrows as pairs of keys."""
    pairs = sorted({pair for pair in arrows if pair[0] in boxes and pair[1] in boxes and pair[0] != pair[1]})
    layers = _layers(list(boxes), pairs)
    width = 24 + max((_LETTER * len(line) for box in boxes.values() for line in box.lines), default=0)
    places = {
        key: (number * (width + _LAYER_GAP) + 4, row * (_HEIGHT + _GAP) + 4)
        for number, layer in enumerate(layers)
        for row, key in enumerate(layer)
    }
    high = max(map(len, layers), default=0) * (_HEIGHT + _GAP) + _BACK
    wide = len(layers) * (width + _LAYER_GAP) - _LAYER_GAP + 8
    lines = [_arrow(places[start], places[end], width) for start, end in pairs]
    lines += [_box(box, places[key], width) for key, box in boxes.items()]
    size = f'width="{wide:.0f}" height="{high:.0f}" viewBox="0 0 {wide:.0f} {high:.0f}"'
    return f'<div class="graph"><svg class="graph" role="img" {size}>\n' + "\n".join(lines) + "\n</svg></div>"


def _layers(keys: Sequence[str], pairs: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Each box right of all that point at it, but for circles, in an order that crosses few arrows."""
    before: dict[str, list[str]] = {key: [] for key in keys}
    after: dict[str, list[str]] = {key: [] for key in keys}
    for start, end in pairs:
        before[end].append(start)
        after[start].append(end)
    depth = dict.fromkeys(keys, 0)
    waiting = {key: len(before[key]) for key in keys}  # arrows from boxes without a place
    while waiting:
        # In a circle every box waits for another one: the next is then one that is pointed at already.
        key = min(waiting, key=lambda key: (waiting[key] > 0, waiting[key] == len(before[key]), waiting[key]))
        del waiting[key]
        for following in after[key]:
            if following in waiting:  # else the arrow goes back
                depth[following] = max(depth[following], depth[key] + 1)
                waiting[following] -= 1
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for key in keys:
        layers[depth[key]].append(key)
    row = {key: float(index) for layer in layers for index, key in enumerate(layer)}
    for layer in layers[1:]:
        middles = {key: sum(row[near] for near in before[key]) / max(1, len(before[key])) for key in layer}
        layer.sort(key=middles.__getitem__)
        row.update({key: float(index) for index, key in enumerate(layer)})
    return layers


def _arrow(start: tuple[float, float], end: tuple[float, float], width: float) -> str:
    if end[0] <= start[0]:  # it goes back, below the boxes
        x0, y0, x1, y1 = start[0] + width / 3, start[1] + _HEIGHT, end[0] + width * 2 / 3, end[1] + _HEIGHT
        low = max(y0, y1) + _BACK
        curve = f"M{x0:.0f} {y0:.0f} C{x0:.0f} {low:.0f} {x1:.0f} {low:.0f} {x1:.0f} {y1:.0f}"
        return f'<path class="back" d="{curve} m-4 6 l4 -6 l4 6"/>'
    x0, y0, x1, y1 = start[0] + width, start[1] + _HEIGHT / 2, end[0], end[1] + _HEIGHT / 2
    bend = max(24.0, (x1 - x0) / 2)
    curve = f"M{x0:.0f} {y0:.0f} C{x0 + bend:.0f} {y0:.0f} {x1 - bend:.0f} {y1:.0f} {x1:.0f} {y1:.0f}"
    return f'<path d="{curve} m-6 -4 l6 4 l-6 4"/>'


def _box(box: Box, place: tuple[float, float], width: float) -> str:
    x, y = place
    edge = ' stroke="#1f2933" stroke-width="2"' if box.bold else ' stroke="#8b98a5"'
    place_and_size = f'x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{_HEIGHT}"'
    shape = f'<rect {place_and_size} rx="6" fill="{box.color}"{edge}/>'
    first = y + (17 if len(box.lines) > 1 else 25)
    words = [f'<text x="{x + 10:.0f}" y="{first:.0f}">{html.escape(box.lines[0])}</text>']
    if len(box.lines) > 1:
        text = html.escape(box.lines[1])
        words.append(f'<text class="small" x="{x + 10:.0f}" y="{y + 32:.0f}">{text}</text>')
    drawn = shape + "".join(words)
    return f'<a href="{html.escape(box.link, quote=True)}">{drawn}</a>' if box.link else f"<g>{drawn}</g>"
