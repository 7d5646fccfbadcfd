"""The one exception that every command line turns into a message and exit code 1."""

from collections.abc import Iterable


class InputError(ValueError):
    """Something that the user gave cannot be used.

    The message is whole: it names the file or the argument, says what was expected and what came.
    """


class NonFiniteLossError(InputError):
    """A loss, or its gradient, isn't finite any more: there is no way on with these settings."""


def require_choice(name: str, value: str, choices: Iterable[str]) -> None:
    """Raises InputError, listing the choices, if `value` isn't one of them."""
    choices = list(choices)
    if value not in choices:
        raise InputError(f"{name} must be one of {', '.join(choices)}. Received: {name}={value}")
