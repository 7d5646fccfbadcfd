"""What every command shares: parsing, help, and errors without a traceback.

Exit codes: 0 done, 1 bad input or a failed run, 2 wrong flags, 130 and 143 stopped by Ctrl-C and SIGTERM; a
pipeline whose model was refused has one of its own.
"""

import functools
import os
import shlex
import signal
import sys
import textwrap
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, dataclass
from typing import get_origin

from absl import flags

from nst_keras import __version__
from nst_keras.cli.field_flags import FieldFlag
from nst_keras.console.tensorflow_start import import_tensorflow_quietly  # noqa: F401  for commands
from nst_keras.errors import InputError, did_you_mean
from nst_keras.fields import Settings, choice, format_value, setting
from nst_keras.models.vgg19_layout import KERNEL_ORDERS, NETWORKS, STORED

_HELP = ("--help", "-help", "-h", "--helpfull", "--helpshort")
_ABOUT_VERSION = "The version of the package; if models have one, then without any other flag."


@dataclass(frozen=True)
class NetworkSettings(Settings):
    """Which VGG-19."""

    vgg: str = setting(
        "", "Network: 8bit, imported, or a .mat file; empty is what was imported, else 8bit.", NETWORKS
    )
    kernel_order: str = choice(
        STORED, "Kernels as they are, or with height and width swapped as old programs did", KERNEL_ORDERS
    )


def program_name() -> str:
    """The command as it was typed, such as nst-train, `nst train` or `python -m pipelines.run`."""
    main = sys.modules["__main__"]
    if main.__spec__ and sys.argv[0] == main.__file__:
        return f"python -m {main.__spec__.name}"
    return os.path.basename(sys.argv[0])


def command_line() -> str:
    """The line that was typed."""
    return " ".join([program_name(), *map(shlex.quote, sys.argv[1:])])


def command(
    doc: str, flag_values: flags.FlagValues, *, first: Collection[str] = (), takes_arguments: bool = False
) -> Callable[[Callable[..., int | None]], Callable[[], None]]:
    """Makes a function a command's `main`: it parses flags, calls the function and exits with its code, or 0.

    `doc` is what `--help` prints above the flags, of which those named by `first` come before all others.
    The function may take the positional arguments.
    """
    text = functools.partial(help_text, doc, flag_values, first)
    return lambda main: functools.partial(_run, main, text, flag_values, takes_arguments)


def _run(
    main: Callable[..., int | None],
    text: Callable[[], str],
    flag_values: flags.FlagValues,
    takes_arguments: bool,
) -> None:
    program = program_name()
    try:
        if any(argument in _HELP for argument in sys.argv[1:]):
            print(text(), flush=True)
            sys.exit(0)
        # Where a flag has this name, too, it stands for the package's version only by itself.
        if "--version" in sys.argv[1:] and ("version" not in flag_values or len(sys.argv) == 2):
            print(f"nst_keras {__version__}", flush=True)
            sys.exit(0)
        flag_values.unparse_flags()  # so that a second call in one process starts from the defaults
        arguments = flag_values(sys.argv)[1:]
        if arguments and not takes_arguments:
            raise flags.Error(f"unexpected argument {arguments[0]!r}; everything is given by flags")
        sys.exit((main(arguments) if takes_arguments else main()) or 0)
    except flags.Error as error:
        message, code = f"{_in_words(error, flag_values)}\nSee '{program} --help'.", 2
    except InputError as error:
        message, code = str(error), error.exit_code
    except BrokenPipeError:
        # The reader of a pipe left; Python must not complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        message, code = name + (error.strerror or str(error)), 1
    except KeyboardInterrupt:
        message, code = "interrupted", 128 + signal.SIGINT
    print(f"{program}: error: {message}", file=sys.stderr)
    sys.exit(code)


def _in_words(error: flags.Error, flag_values: flags.FlagValues) -> str:
    if not isinstance(error, flags.UnrecognizedFlagError):
        return str(error)
    known = [f"--{name}" for name in (*flag_values, "help", "version")]
    return f"unknown flag --{error.flagname}{did_you_mean(f'--{error.flagname}', known)}"


def help_text(doc: str, flag_values: flags.FlagValues, first: Collection[str] = ()) -> str:
    """Returns `doc` followed by the flags, those named by `first` before all others."""
    names = [*first, *(name for name in flag_values if name not in first)]
    entries = [_entry(flag_values[name]) for name in names]
    split = len(first) or len(entries)
    lines = [doc.strip(), "", "Flags, with [defaults]:" if entries else "Flags:", *entries[:split]]
    lines += ["", "More flags:", *entries[split:]] if entries[split:] else []
    return "\n".join([*lines, *_lines("--help", "This text."), *_lines("--version", _ABOUT_VERSION)])


def _entry(flag: flags.Flag) -> str:
    values, default = _notation(flag)
    value = f"={values}" if values else ""
    usage = f"--[no]{flag.name}{value and f'[{value}]'}" if flag.boolean else f"--{flag.name}{value}"
    # absl adds a clause of its own to the help of a flag that may be repeated.
    text = " ".join((flag.help or "").partition(";\n")[0].split())
    return "\n".join(_lines(f"{usage}  [{default}]" if default else usage, text))


def _lines(usage: str, text: str) -> list[str]:
    return [f"  {usage}", *(f"      {line}" for line in textwrap.wrap(text, 94))]


_VALUES = {bool: "", int: "N", float: "X", tuple: "A,B,...", Mapping: "NAME:X,..."}


def _notation(flag: flags.Flag) -> tuple[str, str]:
    """How a flag's values, and its default, are written."""
    if not isinstance(flag, FieldFlag):
        return "" if flag.boolean else "...", ""
    field, kind = flag.field, get_origin(flag.kind) or flag.kind
    default = field.default if field.default_factory is MISSING else field.default_factory()
    values = "|".join(field.metadata.get("choices", ())) or _VALUES.get(kind, "...")
    return values, field.metadata.get("default") or ("" if default is None else format_value(default))
