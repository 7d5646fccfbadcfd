"""Finished parts of an unfinished stage: what they are called, and how they get into an output."""

import contextlib
import os
import re
import shutil
from pathlib import Path

_UNUSABLE = re.compile(r"^\.|[%/\\:\x00-\x1f]")


def file_name(name: str) -> str:
    """A name as one for a file, different for different names."""
    return _UNUSABLE.sub(lambda found: f"%{ord(found[0]):02X}", name)


def keep(part: Path, target: Path) -> None:
    """Gives a finished file of the scratch folder a name in an output.

    It keeps its name in the scratch folder, so that a stage that is killed here has lost nothing. It isn't
    copied if it needn't be: large collections would have to fit on the disk twice.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):  # another disk, or one that knows no second names
        os.link(part, target)
        return
    shutil.copyfile(part, target)
