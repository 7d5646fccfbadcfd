"""What every command shares: parsing, help, and errors without a traceback.

Exit codes: 0 done, 1 bad input or a failed run, 2 wrong flags, 130 and 143 stopped by Ctrl-C and SIGTERM.
"""

import functools
import os
import signal
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from absl import flags

from nst_keras.errors import InputError
from nst_keras.fields import Settings, choice, setting
from nst_keras.models.vgg19_layout import KERNEL_ORDERS, STORED

_HELP = ("--help", "-help", "-h", "--helpfull", "--helpshort")


@dataclass(frozen=True)
class NetworkSettings(Settings):
    """Which VGG-19."""

    vgg: str = setting("", "Network: 8bit, imported, or a .mat file; empty is what was imported, else 8bit.")
    kernel_order: str = choice(
        STORED, "Kernels as they are, or with height and width swapped as old programs did", KERNEL_ORDERS
    )


def command(
    doc: str, flag_values: flags.FlagValues, *, takes_arguments: bool = False
) -> Callable[[Callable[..., int | None]], Callable[[], None]]:
    """Makes a function a command's `main`: it parses flags, calls the function and exits with its code, or 0.

    `doc` is what `--help` prints above the flags. The function may take the positional arguments.
    """
    return lambda main: functools.partial(_run, main, doc, flag_values, takes_arguments)


def _run(
    main: Callable[..., int | None], doc: str, flag_values: flags.FlagValues, takes_arguments: bool
) -> None:
    program = os.path.basename(sys.argv[0])
    try:
        if any(argument in _HELP for argument in sys.argv[1:]):
            print(help_text(doc, flag_values), flush=True)
            sys.exit(0)
        flag_values.unparse_flags()  # so that a second call in one process starts from the defaults
        arguments = flag_values(sys.argv)[1:]
        if arguments and not takes_arguments:
            raise flags.Error(f"unexpected argument {arguments[0]!r}; everything is given by flags")
        sys.exit((main(arguments) if takes_arguments else main()) or 0)
    except flags.Error as error:
        message, code = f"{error}\nSee '{program} --help'.", 2
    except InputError as error:
        message, code = str(error), 1
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


def import_tensorflow_quietly(*, start: bool = True) -> None:
    """Imports TensorFlow without its notes, and starts it, unless a strategy must be made before that."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    kept, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    try:
        import tensorflow as tf

        if start:
            tf.config.list_logical_devices()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)


def help_text(doc: str, flag_values: flags.FlagValues) -> str:
    """Returns `doc` followed by the flags."""
    lines = [doc.strip(), "", "Flags:"]
    for flag in (flag_values[name] for name in flag_values):
        default = "" if flag.default in (None, "") else f" (default: {flag.default_as_str})"
        usage = f"--[no]{flag.name}" if flag.boolean else f"--{flag.name}"
        text = " ".join((flag.help or "").split()) + default
        body = textwrap.wrap(text, 94) or [""]
        lines += [f"  {usage}", *(f"      {line}" for line in body)]
    return "\n".join(lines)
