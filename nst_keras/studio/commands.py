"""What to type, in a shell or in Python, to make exactly a picture of the page."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nst_keras.fields import format_value
from nst_keras.studio.requested import FAST, Planned, changed
from nst_keras.stylizers.settings import FastSettings
from nst_keras.transfer.presets import PRESETS
from nst_keras.transfer.settings import INITS

_DEFAULT = "default"


def commands(planned: Planned) -> dict[str, str]:
    """A command and a program for a picture; its photo and paintings lie where they are run."""
    job, wish = planned.job, planned.wish
    fast = wish.way == FAST
    changes = changed(planned.settings, FastSettings() if fast else PRESETS[wish.preset])
    if changes.get("init", INITS[0]) not in INITS:
        changes["init"] = Path(changes["init"]).name
    content, styles = _file(job.content), [_file(name) for name in job.styles]
    weights = list(wish.style_weights)
    masks = [_file(name) for name in job.style_masks]
    preset = "" if fast or wish.preset == _DEFAULT else wish.preset
    mask = _file(job.content_mask) if job.content_mask else ""
    output = job.output.name
    return {
        "command": _command(
            {
                "content": content,
                "style": ",".join(styles),
                "style_weights": ",".join(map(str, weights)),
                "content_mask": mask,
                "style_mask": ",".join(masks),
                "preset": preset,
                **{name: format_value(value) for name, value in changes.items()},
                "output": output,
            },
            ["nst-stylize", *(["--fast"] if fast else [])],
        ),
        "python": _program(
            "paint" if fast else "stylize",
            [content, styles if len(styles) > 1 else styles[0]],
            {
                "style_weights": weights,
                "content_mask": mask,
                "style_mask": masks,
                "settings": preset,
                **changes,
            },
            output,
        ),
    }


def _file(name: str) -> str:
    return Path(name).name


def _command(flags: Mapping[str, str], words: Sequence[str]) -> str:
    return shlex.join([*words, *(f"--{name}={value}" for name, value in flags.items() if value)])


def _program(function: str, inputs: Sequence[Any], options: Mapping[str, Any], output: str) -> str:
    settings = [f"{name}={value!r}" for name, value in options.items() if value not in ("", [])]
    call = ", ".join([*map(repr, inputs), *settings])
    return f"import nst_keras.api as nst\n\npicture = nst.{function}({call})\npicture.save({output!r})\n"
