"""What every command shares: parsing, help, and errors without a traceback.

Exit codes: 0 done, 1 bad input or a failed run, 2 wrong flags, 130 and 143 stopped by Ctrl-C and SIGTERM.
"""

import os
import signal
import sys
import textwrap
from collections.abc import Callable, Sequence
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


def run(main: Callable[[], int | None], doc: str, flag_values: flags.FlagValues) -> None:
    """Parses a command line of flags alone, calls `main` and exits.

    Args:
        main: Returns an exit code, or None for 0.
        doc: Text that `--help` prints above the flags.
        flag_values: Where the flags are defined; each command has one of its own.

    Raises:
        SystemExit: Always.
    """

    def take(arguments: Sequence[str]) -> int | None:
        if arguments:
            raise flags.Error(f"unexpected argument {arguments[0]!r}; everything is given by flags")
        return main()

    run_with_arguments(take, doc, flag_values)


def run_with_arguments(
    main: Callable[[Sequence[str]], int | None], doc: str, flag_values: flags.FlagValues
) -> None:
    """The same for a `main` that takes the positional arguments.

    Raises:
        SystemExit: Always.
    """
    command = os.path.basename(sys.argv[0])
    try:
        sys.exit(_parse_and_call(main, doc, flag_values) or 0)
    except flags.Error as error:
        sys.exit(_complain(command, f"{error}\nSee '{command} --help'.", code=2))
    except InputError as error:
        sys.exit(_complain(command, str(error), code=1))
    except BrokenPipeError:
        # The reader of a pipe left; Python must not complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        reason = error.strerror or str(error)
        name = f"{error.filename}: " if error.filename else ""
        sys.exit(_complain(command, name + reason, code=1))
    except KeyboardInterrupt:
        sys.exit(_complain(command, "interrupted", code=128 + signal.SIGINT))


def _parse_and_call(
    main: Callable[[Sequence[str]], int | None], doc: str, flag_values: flags.FlagValues
) -> int | None:
    if any(argument in _HELP for argument in sys.argv[1:]):
        print(help_text(doc, flag_values), flush=True)
        return 0
    flag_values.unparse_flags()  # so that a second call in one process starts from the defaults
    return main(flag_values(sys.argv)[1:])


def import_tensorflow_quietly(*, start: bool = True) -> None:
    """Imports TensorFlow and starts it without the start-up notes that no setting silences.

    Args:
        start: Whether to start it too; a distribution strategy must be made before that.
    """
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


def _complain(command: str, message: str, *, code: int) -> int:
    print(f"{command}: error: {message}", file=sys.stderr)
    return code
