"""What every command shares: parsing, help, and errors without a traceback.

Exit codes: 0 done, 1 bad input or a failed run, 2 wrong flags, 130 interrupted.
"""

import os
import signal
import sys
import textwrap
from collections.abc import Callable, Sequence

from absl import flags

from nst_keras.errors import InputError


def run(main: Callable[[Sequence[str]], int | None], module: str, doc: str) -> None:
    """Parses the command line, calls `main` with the positional arguments and exits.

    Args:
        main: Takes the positional arguments; returns an exit code, or None for 0.
        module: `__name__` of the module that defines the flags; only those are shown by `--help`.
        doc: Text that `--help` prints above the flags.

    Raises:
        SystemExit: Always.
    """
    command = os.path.basename(sys.argv[0])
    arguments = sys.argv[1:]
    if any(a in ("--help", "-help", "-h", "--helpfull", "--helpshort") for a in arguments):
        print(help_text(module, doc))
        sys.exit(0)
    try:
        positional = flags.FLAGS(sys.argv)[1:]
    except flags.Error as error:
        sys.exit(_complain(command, f"{error}\nSee '{command} --help'.", code=2))
    try:
        sys.exit(main(positional) or 0)
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


def import_tensorflow_quietly() -> None:
    """Imports TensorFlow and starts it without the start-up notes that no setting silences."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    kept, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    try:
        import tensorflow as tf

        tf.config.list_logical_devices()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)


def help_text(module: str, doc: str) -> str:
    """Returns `doc` followed by the flags that `module` defines, each with its default."""
    lines = [doc.strip(), "", "Flags:"]
    by_module = flags.FLAGS.flags_by_module_dict()
    # A module that runs as a script is known to absl by the script's name.
    for flag in by_module.get(module, []) or by_module[sys.argv[0]]:
        default = "" if flag.default in (None, "") else f" (default: {flag.default_as_str})"
        name = f"--[no]{flag.name}" if flag.boolean else f"--{flag.name}"
        text = " ".join((flag.help or "").split()) + default
        body = textwrap.wrap(text, 94) or [""]
        lines += [f"  {name}", *(f"      {line}" for line in body)]
    return "\n".join(lines)


def _complain(command: str, message: str, *, code: int) -> int:
    print(f"{command}: error: {message}", file=sys.stderr)
    return code
