"""The pages in docs/: their code runs, their links lead somewhere, and both languages say the same.

A page whose code is run has a twin in docs/es/ with the same blocks of code and the same pictures. A page
without such code may stand alone. A block of text right after Python is what that prints, where a line of
three dots stands for any lines.
"""

import importlib.metadata
import re
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from absl.testing import flagsaver

ROOT = Path(__file__).parents[2]
ENGLISH = sorted((ROOT / "docs").glob("*.md"))
SPANISH = sorted((ROOT / "docs" / "es").glob("*.md"))
RUN = ("python", "sh")
NOT_RUN = ("text",)
NEED_WEIGHTS = ("fine_tuning", "python", "stylizers")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the line of the page on which the text begins."""

    language: str
    text: str
    line: int

    def follows(self, other: "Block") -> bool:
        """Whether nothing but an empty line lies between two blocks."""
        return self.line - (other.line + other.text.count("\n")) <= 3


def _blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```(.*)\n((?:.*\n)*?)```$", text, re.MULTILINE)
    return [Block(m[1], m[2], text[: m.start(2)].count("\n") + 1) for m in found]


def _code(page: Path) -> list[tuple[str, str]]:
    return [(block.language, block.text) for block in _blocks(page) if block.language in RUN]


def _links(page: Path) -> list[str]:
    """Targets of links and pictures, outside blocks of code."""
    prose = re.sub(r"^```.*\n(?:.*\n)*?```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return re.findall(r"\]\(([^)\s]+)\)", prose)


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _run_line(line: str, page: Path, run_main: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """Runs a command of ours as its script would; anything else has no place on a page."""
    words = shlex.split(line, comments=True)
    if not words:
        return
    scripts = importlib.metadata.entry_points(group="console_scripts")
    assert words[0].startswith("nst-"), f"{_name(page)}: only nst- commands are run: {line}"
    assert words[0] in scripts.names, f"{_name(page)}: there is no such command: {line}"
    importlib.import_module("absl.logging")  # has flags of its own, which must outlive the restoring below
    # Inside this process, where TensorFlow is loaded already.
    main = scripts[words[0]].load()
    with flagsaver.flagsaver():  # some commands' flags outlive a call
        done = run_main(main, *words[1:])
    assert done.returncode == 0, f"{_name(page)}: {line}\n{done.stderr}"


def _to_run() -> list[Any]:
    """Pages with code; what they show has tests of its own, and one that takes little time stands for all."""
    pages = [page for page in ENGLISH if _code(page)]
    marks = {page: [] if page.stem == "mlp" else [pytest.mark.large] for page in pages}
    return [pytest.param(page, marks=marks[page], id=page.stem) for page in pages]


@pytest.mark.parametrize("page", _to_run())
def test_code_runs_from_top_to_bottom_and_prints_what_the_page_says(
    page: Path,
    run_main: Callable[..., subprocess.CompletedProcess[str]],
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    if page.stem in NEED_WEIGHTS:
        request.getfixturevalue("real_weights")
    names: dict[str, Any] = {"__name__": "__main__"}
    last: Block | None = None
    for block in _blocks(page):
        if block.language == "python":
            capsys.readouterr()
            # Empty lines before it, so that a traceback names the line of the page.
            padded = "\n" * (block.line - 1) + block.text
            exec(compile(padded, _name(page), "exec"), names)
        elif block.language == "sh":
            for line in block.text.replace("\\\n", " ").splitlines():
                _run_line(line, page, run_main)
        elif last and last.language == "python" and block.follows(last):
            printed = " ".join(capsys.readouterr().out.split())
            parts = [" ".join(part.split()) for part in re.split(r"(?m)^\.\.\.$", block.text)]
            pattern = ".*".join(map(re.escape, parts))
            assert re.fullmatch(pattern, printed), f"{_name(page)}:{block.line} prints\n{printed}"
        last = block


@pytest.mark.parametrize("page", [*ENGLISH, *SPANISH], ids=_name)
def test_blocks_are_closed_and_say_what_they_are(page: Path) -> None:
    fences = re.findall(r"^\s*```", page.read_text(encoding="utf-8"), re.MULTILINE)
    blocks = _blocks(page)
    assert len(fences) == 2 * len(blocks)
    assert {block.language for block in blocks} <= {*RUN, *NOT_RUN}


@pytest.mark.parametrize("page", [*ENGLISH, *SPANISH, *sorted(ROOT.glob("*.md"))], ids=_name)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    missing = []
    for link in _links(page):
        path, _, _anchor = link.partition("#")
        if path and not re.match(r"[a-z]+:", path) and not (page.parent / path).exists():
            missing.append(link)
    assert not missing


@pytest.mark.parametrize("page", [page for page in ENGLISH if _code(page)], ids=lambda page: page.stem)
def test_a_page_with_code_has_a_spanish_twin(page: Path) -> None:
    twin = page.parent / "es" / page.name
    assert twin.exists()
    assert _code(twin) == _code(page)

    def pictures(links: list[str]) -> list[str]:
        """Of a picture with words, NAME_es.png is the Spanish one."""
        shown = [link.removeprefix("../") for link in links if link.endswith((".png", ".jpg"))]
        return [re.sub(r"_es(?=\.\w+$)", "", link) for link in shown]

    assert pictures(_links(twin)) == pictures(_links(page))


@pytest.mark.parametrize("page", SPANISH, ids=lambda page: page.stem)
def test_twins_link_each_other_at_the_top(page: Path) -> None:
    english = page.parent.parent / page.name
    assert english.exists()
    assert _links(page)[0] == f"../{page.name}"
    assert _links(english)[0] == f"es/{page.name}"


def test_pictures_are_small_and_used() -> None:
    pictures = sorted((ROOT / "docs" / "images").glob("*"))
    pages = [*ENGLISH, *SPANISH, *ROOT.glob("*.md")]
    used = {(page.parent / link).resolve() for page in pages for link in _links(page) if ":" not in link}
    assert not [picture.name for picture in pictures if picture.resolve() not in used]
    assert not [picture.name for picture in pictures if picture.stat().st_size > 150_000]
