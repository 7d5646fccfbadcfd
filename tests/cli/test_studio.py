"""nst-studio as a process: it prints where it is, answers, and ends."""

import contextlib
import os
import re
import signal
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nst_keras.cli import studio


@contextlib.contextmanager
def _running(folder: Path) -> Iterator[tuple[subprocess.Popen, str, str]]:
    """The process, its address and its token."""
    command = [sys.executable, "-m", "nst_keras.cli.studio", f"--folder={folder}", "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            found = re.fullmatch(r"(http://127\.0\.0\.1:\d+)/#token=([\w-]{32})\n", line)
            assert found, line + process.stderr.read()
            yield process, found[1], found[2]
        finally:
            process.kill()


def test_it_prints_an_address_answers_there_and_ends_with_ctrl_c(tmp_path: Path, run_main: Callable) -> None:
    folder = tmp_path / "mine"
    with _running(folder) as (process, address, token):
        assert stat.S_IMODE((folder / ".token").stat().st_mode) == 0o600
        headers = {"Authorization": f"Bearer {token}"}
        with urllib.request.urlopen(urllib.request.Request(f"{address}/api/jobs", headers=headers)) as reply:
            assert (reply.status, reply.read()) == (200, b"[]")
        loaded = Path(f"/proc/{process.pid}/maps")
        assert not loaded.exists() or "tensorflow" not in loaded.read_text()
        again = run_main(studio.main, f"--folder={folder}", "--port=0")
        assert (again.returncode, "another nst-studio works in" in again.stderr) == (1, True)
        taken = run_main(studio.main, "--folder=other", f"--port={address.rpartition(':')[2]}")
        assert (taken.returncode, "cannot be listened on" in taken.stderr) == (1, True)
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(20) == 0
        assert "jobs go on at the next start" in process.stderr.read()
    with _running(folder) as (process, _, same):
        assert same == token, "open pages go on"


def test_wrong_flags_are_named(run_main: Callable, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for flag in ("--port=70000", "--queue=0", "--folder=file", "--max_megapixels=x"):
        done = run_main(studio.main, flag)
        assert done.returncode in (1, 2)
        assert flag.partition("=")[0].strip("-") in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("screen,terminal", [(True, True), (True, False), (False, True)])
def test_a_browser_is_opened_where_somebody_looks(
    screen: bool, terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    if screen:
        monkeypatch.setenv("DISPLAY", ":0")
    assert studio._has_screen() == (screen and terminal)
