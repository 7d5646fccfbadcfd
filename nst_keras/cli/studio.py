"""Opens a page on this machine where people paint with the mouse.

  nst-studio
  nst-studio --folder=pictures --port=8600 --noopen

It prints the page's address, which holds the key to it; only this machine can connect, and nothing leaves it.
Photos, jobs and pictures are kept in the folder: the page may be closed and the server stopped at any time,
and both go on from there. Ctrl-C ends it.
"""

import importlib.util
import logging
import os
import sys
import time
import webbrowser

from nst_keras import studio
from nst_keras.cli import common, field_flags
from nst_keras.console.console import Console
from nst_keras.errors import InputError
from nst_keras.studio.settings import StudioSettings

_POLL_SECONDS = 0.1  # between looks for a signal
FLAGS = field_flags.flags_of(StudioSettings)


@common.command(__doc__, FLAGS, first=["folder", "port", "open"])
def main() -> None:
    """Entry point of `nst-studio`."""
    settings = field_flags.parsed(StudioSettings, FLAGS)
    if importlib.util.find_spec("uvicorn") is None:
        raise InputError("the studio needs one more package: pip install nst_keras[studio]")
    logging.getLogger(studio.__name__).addHandler(logging.StreamHandler())
    from nst_keras.studio.server import StudioServer

    with Console(notice="ending; jobs go on at the next start") as console:
        server = StudioServer(settings)
        console.finished(server.address)
        if settings.open and _has_screen():
            webbrowser.open(server.address)
        while not console.should_stop():
            time.sleep(_POLL_SECONDS)
        server.stop()


def _has_screen() -> bool:
    """Whether a browser's window can be seen; without one, a browser in text might take the terminal."""
    shows = sys.platform in ("win32", "darwin") or {"DISPLAY", "WAYLAND_DISPLAY"} & {*os.environ}
    return bool(shows) and sys.stdout.isatty()


if __name__ == "__main__":
    main()
