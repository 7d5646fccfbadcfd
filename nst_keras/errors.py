"""The one exception that every command line turns into a message and exit code 1."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something that the user gave cannot be used.

    The message is whole: it names the file or the argument, says what was expected and what came. A command
    that it ends has the exit code.
    """

    exit_code = 1


class NonFiniteLossError(InputError):
    """A loss, or its gradient, isn't finite any more: there is no way on with these settings."""


def require_choice(name: str, value: str, choices: Iterable[str]) -> None:
    """Raises InputError, listing the choices, if `value` isn't one of them."""
    choices = list(choices)
    if value not in choices:
        expected = f"{name} must be one of {', '.join(choices)}. Received: {name}={value}"
        raise InputError(expected + did_you_mean(value, choices))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question to end a message with, or nothing if no known word is near.

    >>> did_you_mean("prevew", ["default", "preview"])
    '. Did you mean preview?'
    """
    near = difflib.get_close_matches(str(word), list(known), n=1, cutoff=0.7)
    return f". Did you mean {near[0]}?" if near else ""
