"""What the pages about examples share besides `nst_keras.reports.page_parts`; no TensorFlow is needed."""

import base64
import html
from collections.abc import Iterable
from pathlib import Path

from nst_keras.reports.page_parts import frame
from nst_keras.storage.files import write_whole

_STYLE = """.pictures { display: flex; flex-wrap: wrap; gap: .8rem; align-items: flex-end; }
figure { margin: 0; max-width: 8rem; }
figure img { min-width: 3rem; image-rendering: pixelated; border-radius: .2rem; }
figcaption { color: var(--faint); font-size: .8rem; overflow-wrap: anywhere; }
p.note { color: var(--faint); max-width: 50rem; }
"""


def write_page(path: Path, title: str, parts: Iterable[str]) -> None:
    """Writes a page, whole: its title, then the parts, which are HTML."""
    write_whole(path, frame(title, parts, _STYLE).encode())


def note(sentence: str) -> str:
    """A paragraph that explains what follows, from plain text."""
    return f'<p class="note">{html.escape(sentence)}</p>'


def picture_grid(pictures: Iterable[tuple[str, bytes]]) -> str:
    """Small pictures side by side: caption and bytes of a PNG file each."""
    figures = []
    for caption, data in pictures:
        name, encoded = html.escape(caption, quote=True), base64.b64encode(data).decode("ascii")
        picture = f'<img alt="{name}" src="data:image/png;base64,{encoded}">'
        figures.append(f"<figure>{picture}<figcaption>{name}</figcaption></figure>")
    return '<div class="pictures">\n' + "\n".join(figures) + "\n</div>"
