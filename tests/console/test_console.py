"""What a person at a terminal sees, and how a run is stopped from there."""

import io
import os
import signal
import sys

import pytest

from nst_keras.console.console import Console
from nst_keras.console.progress import Progress
from nst_keras.errors import InputError


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_acts(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(number)
    with Console() as console:
        assert not console.should_stop()
        os.kill(os.getpid(), number)
        assert console.should_stop()
        assert signal.getsignal(number) == signal.SIG_DFL
        assert console.stopped("go on") == 128 + number
    assert signal.getsignal(number) == before
    assert capsys.readouterr().err == (
        f"{number.name}: ending after this step; again to end at once\nstopped; go on\n"
    )


def test_signals_are_given_back_after_an_error() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(InputError), Console():
        raise InputError("no")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_lines_are_rare_in_a_log_but_the_last_step_is_always_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Console() as console:
        for step in range(1, 51):
            console.show(Progress(step=step, num_steps=50))
    assert capsys.readouterr().err == "step 1/50\nstep 50/50\n"


def test_a_line_on_a_terminal_makes_room_for_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", _Terminal())
    with Console() as console:
        console.show("one")
        console.say("note")
        console.show("too soon")
        console.show(Progress(step=2, num_steps=2))
    assert sys.stderr.getvalue() == "\r\x1b[Kone\nnote\n\r\x1b[Kstep 2/2\n"  # type: ignore[attr-defined]


def test_of_several_workers_one_shows(capsys: pytest.CaptureFixture[str]) -> None:
    with Console(shows=False) as console:
        console.say("text")
        console.show("text")
        assert console.finished("result") == 0
    assert capsys.readouterr() == ("", "")


def test_a_bad_picture_does_not_keep_the_others_from_being_made(capsys: pytest.CaptureFixture[str]) -> None:
    made = []

    def make(job: str, title: str) -> bool:
        if job == "bad":
            raise InputError("is bad")
        made.append(title + job)
        return True

    with Console() as console:
        assert console.each_picture(["a", "bad", "b"], make) == 1
        assert console.each_picture(["a", "b"], make) == 0
        with pytest.raises(InputError, match="is bad"):
            console.each_picture(["bad"], make)
        assert console.each_picture(["alone"], make) == 0
    assert made == ["[1/3] a", "[3/3] b", "[1/2] a", "[2/2] b", "alone"]
    assert capsys.readouterr().err == "[2/3] error: is bad\n1 of 3 pictures could not be made\n"


@pytest.mark.parametrize("stop_at,finished,code", [(1, True, 143), (2, False, 143), (2, True, 0)])
def test_a_stop_counts_unless_all_is_done(stop_at: int, finished: bool, code: int) -> None:
    with Console() as console:

        def make(job: int, title: str) -> bool:
            if job == stop_at:
                os.kill(os.getpid(), signal.SIGTERM)
            return job < stop_at or finished

        assert console.each_picture([1, 2], make) == code
