"""Prints what makes a shell complete commands, flags and their values.

  eval "$(nst completion bash)"      in ~/.bashrc
  eval "$(nst completion zsh)"       in ~/.zshrc

From then on Tab completes `nst` and every nst- command: flags, words that a flag knows, and names of files.
"""

import importlib
import os
import re
import shlex
import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from absl import flags

from nst_keras.cli import common
from nst_keras.cli.field_flags import FieldFlag
from nst_keras.cli.nst import COMMANDS, command_of

SHELLS = ("bash", "zsh")
_WORDS = "words"  # the action that the scripts below call; not for people
# What isn't a flag. Of the others, artifacts are named by paths too, and most take nothing.
_ARGUMENTS = {"weights": ("pull", "show", "import", "write"), "completion": SHELLS}
_NUMBERS = (int, float)

_BASH = """
_nst_words() {{
    local IFS= words word
    # Without an answer, as inside quotes, the shell completes names of files.
    words=$({words} "${{COMP_LINE:0:COMP_POINT}}" "$COMP_WORDBREAKS" 2>/dev/null) || return 0
    compopt +o default 2>/dev/null
    COMPREPLY=()
    while read -r word; do [[ -n $word ]] && COMPREPLY+=("$word"); done <<< "$words"
}}
complete -o default -o nospace -F _nst_words {commands}
"""
_ZSH = """
(( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit }}
_nst_words() {{
    local candidates
    candidates=$({words} "${{(j: :)words[1,CURRENT-1]}} $PREFIX" "" 2>/dev/null) || {{ _files; return }}
    [[ -n $candidates ]] && compadd -U -Q -S '' -- "${{(@f)candidates}}"
}}
compdef _nst_words {commands}
"""

FLAGS = flags.FlagValues()


@common.command(__doc__, FLAGS, takes_arguments=True)
def main(arguments: Sequence[str]) -> int:
    """Entry point of `nst completion`."""
    match arguments:
        case [shell] if shell in SHELLS:
            # -P: a folder that somebody stands in must not be looked through for modules.
            words = shlex.join([sys.executable, "-P", "-m", "nst_keras.cli.nst", "completion", _WORDS, "--"])
            commands = [
                "nst",
                *(f"nst-{name}" for name in COMMANDS if COMMANDS[name].startswith("nst_keras.")),
            ]
            script = _BASH if shell == "bash" else _ZSH
            print(script.format(words=words, commands=" ".join(commands)).strip())
        case [action, line, breaks] if action == _WORDS:
            candidates = complete(line, breaks)
            if candidates is None:
                return 1
            print("\n".join(candidates))
        case _:
            raise flags.Error(f"expected {' or '.join(SHELLS)}. Received: {' '.join(arguments) or 'nothing'}")
    return 0


def complete(line: str, breaks: str = "") -> list[str] | None:
    """What can stand at the end of a line instead of its last word.

    Args:
        line: A command up to the cursor.
        breaks: Characters that end a word for the shell as spaces do; the rest of the last word is left out.

    Returns:
        Whole words with a space behind them, and beginnings; None if it can't be told, as inside quotes.
    """
    try:
        words = shlex.split(line)
    except ValueError:
        return None
    raw = re.split(r"(?<!\\)\s", line)[-1]
    last = words.pop() if raw else ""
    if re.search(r"""['"]""", raw) or not words:
        return None
    kept = max((raw.rfind(mark) + 1 for mark in breaks if mark.strip()), default=0)
    return [word[kept:] for word in _candidates(words, last, raw) if word.startswith(raw[:kept])]


def _candidates(words: Sequence[str], last: str, raw: str) -> list[str]:
    """What can stand in place of the last word, which is `raw` as it was typed."""
    typed = Path(words[0]).name
    before = words[1:] if typed == "nst" else [*typed.removeprefix("nst-").split(), *words[1:]]
    name = command_of(before)
    if not name:
        # One word more of the commands that begin with those before.
        rests = [known.split()[len(before) :] for known in COMMANDS if known.split()[: len(before)] == before]
        return _starting({f"{rest[0]} " for rest in rests}, last)
    flag_values = importlib.import_module(COMMANDS[name]).FLAGS
    before = before[name.count(" ") + 1 :]
    named = {f"--{flag}": flag_values[flag] for flag in flag_values}
    if before and before[-1] in named and not named[before[-1]].boolean:
        return _values(named[before[-1]], raw)
    usage, equals, value = raw.partition("=")
    if equals and usage in named:
        return _values(named[usage], value, f"{usage}=")
    if last.startswith("-"):
        return _usages(flag_values, last)
    if name in _ARGUMENTS and not any(word in _ARGUMENTS[name] for word in before):
        return _starting((f"{word} " for word in _ARGUMENTS[name]), last)
    return _files(raw) if last or name in _ARGUMENTS else _usages(flag_values, "--")


def _starting(words: Iterable[str], start: str) -> list[str]:
    return sorted(word for word in words if word.startswith(start))


def _usages(flag_values: flags.FlagValues, start: str) -> list[str]:
    """Flags that begin so; what switches off comes only when it is asked for."""
    usages = ["--help ", "--version "]
    for flag in (flag_values[name] for name in flag_values):
        words = isinstance(flag, FieldFlag) and "choices" in flag.field.metadata
        usages += [f"--{flag.name} "] if flag.boolean else []
        usages += [f"--{flag.name}="] if words or not flag.boolean else []
        usages += [f"--no{flag.name} "] if flag.boolean and start.startswith("--no") else []
    return _starting(usages, start)


def _values(flag: flags.Flag, raw: str, head: str = "") -> list[str]:
    """Values of a flag that begin so, after its last comma; names of files too, if it may take some."""
    comma = raw.rfind(",") + 1
    head, piece = head + raw[:comma], raw[comma:]
    words: Collection[str] = ()
    closed = False
    if isinstance(flag, FieldFlag):
        metadata = flag.field.metadata
        words = metadata.get("choices") or metadata.get("words") or ()
        words = words() if callable(words) else words
        closed = "choices" in metadata or flag.kind in _NUMBERS
    if flag.boolean and not words:
        words, closed = ("on", "off"), True
    candidates = _starting((f"{word} " for word in words), piece) + ([] if closed else _files(piece))
    return [head + candidate for candidate in candidates]


def _files(raw: str) -> list[str]:
    """Paths that begin so, as a shell takes them; a folder is a beginning of others."""
    typed = re.sub(r"\\(.)", r"\1", raw)
    folder, start = os.path.split(typed)
    try:
        entries = sorted(os.scandir(os.path.expanduser(folder) or "."), key=lambda entry: entry.name)
    except OSError:
        return []
    entries = [entry for entry in entries if entry.name.startswith(start)]
    shown = [entry for entry in entries if start or not entry.name.startswith(".")]
    paths = [(os.path.join(folder, entry.name), entry.is_dir()) for entry in shown]
    return [re.sub(r"([^\w@%+:,./~-])", r"\\\1", path) + ("/" if deeper else " ") for path, deeper in paths]


if __name__ == "__main__":
    main()
