"""What every command shares: parsing, help, and errors without a traceback.

Exit codes: 0 done, 1 bad input or a failed run, 2 wrong flags, 130 and 143 stopped by Ctrl-C and SIGTERM.
"""

import os
import signal
import sys
import textwrap
from collections.abc import Callable, Sequence
from types import ModuleType

from absl import flags

from nst_keras.errors import InputError
from nst_keras.models.vgg19_layout import KERNEL_ORDERS

VGG = flags.DEFINE_string(
    "vgg", "", "Network: 8bit, imported, or a .mat file; empty is what was imported, else 8bit."
)
KERNEL_ORDER = flags.DEFINE_enum(
    "kernel_order",
    KERNEL_ORDERS[0],
    KERNEL_ORDERS,
    "transposed swaps height and width of the kernels, as old programs did.",
)

_HELP = ("--help", "-help", "-h", "--helpfull", "--helpshort")


def adopt_flags(command: str, *modules: ModuleType) -> None:
    """Adds other modules' flags to those of a command, given by its `__name__`, for its help."""
    for module in modules:
        for flag in flags.FLAGS.get_flags_for_module(module.__name__):
            flags.FLAGS.register_key_flag_for_module(_absl_name(command), flag)


def command_flags(command: str) -> list[flags.Flag]:
    """The flags of a command, given by its `__name__`, with those that it adopted."""
    return flags.FLAGS.get_key_flags_for_module(_absl_name(command))


def run(
    main: Callable[[Sequence[str]], int | None],
    module: str,
    doc: str,
    flag_values: flags.FlagValues = flags.FLAGS,
) -> None:
    """Parses the command line, calls `main` with the positional arguments and exits.

    Args:
        main: Takes the positional arguments; returns an exit code, or None for 0.
        module: `__name__` of the module that defines the flags; only those are shown by `--help`.
        doc: Text that `--help` prints above the flags.
        flag_values: Where they are defined; commands that share flags' names have one of their own.

    Raises:
        SystemExit: Always.
    """
    command = os.path.basename(sys.argv[0])
    try:
        sys.exit(_parse_and_call(main, module, doc, flag_values) or 0)
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
    main: Callable[[Sequence[str]], int | None], module: str, doc: str, flag_values: flags.FlagValues
) -> int | None:
    if any(argument in _HELP for argument in sys.argv[1:]):
        print(help_text(module, doc, flag_values), flush=True)
        return 0
    if flag_values is not flags.FLAGS:
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


def help_text(module: str, doc: str, flag_values: flags.FlagValues = flags.FLAGS) -> str:
    """Returns `doc` followed by the flags that `module` defines or declares its own."""
    lines = [doc.strip(), "", "Flags:"]
    if flag_values is flags.FLAGS:
        shown = flag_values.get_key_flags_for_module(_absl_name(module))
    else:
        shown = [flag_values[name] for name in flag_values]
    for flag in shown:
        default = "" if flag.default in (None, "") else f" (default: {flag.default_as_str})"
        usage = f"--[no]{flag.name}" if flag.boolean else f"--{flag.name}"
        text = " ".join((flag.help or "").split()) + default
        body = textwrap.wrap(text, 94) or [""]
        lines += [f"  {usage}", *(f"      {line}" for line in body)]
    return "\n".join(lines)


def _absl_name(module: str) -> str:
    """A module that runs as a script is known to absl by the script's name."""
    return sys.argv[0] if module == "__main__" else module


def _complain(command: str, message: str, *, code: int) -> int:
    print(f"{command}: error: {message}", file=sys.stderr)
    return code
