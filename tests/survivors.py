"""Counts the mutants that no test noticed, by file; what it reads comes from `mutmut results --all=true`."""

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable

LEAST_CAUGHT = 0.9
_CAUGHT = ("killed", "timeout", "segfault", "caught by type check")


def count(lines: Iterable[str]) -> dict[str, Counter[str]]:
    """Mutants of each module by what became of them; survivors by name, too."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines:
        if match := re.match(r"\s+([\w.]+)\.(xǁ?\S+): (.+)$", line):
            module, name, status = match.groups()
            found[module][status if status in _CAUGHT else name] += 1
    return found


def main() -> int:
    """Prints a line for each module, then the names that `mutmut show` takes; fails if too many survive."""
    modules = count(sys.stdin)
    poor, survivors = [], []
    for module, fates in sorted(modules.items()):
        caught = sum(fates[status] for status in _CAUGHT) / fates.total()
        survivors += [f"{module}.{name}" for name in fates if name not in _CAUGHT]
        poor += [module] if caught < LEAST_CAUGHT else []
        print(f"{1 - caught:6.1%} of {fates.total():4} survive  {module}")
    total = sum(fates.total() for fates in modules.values())
    print(f"{len(survivors) / max(total, 1):6.1%} of {total:4} survive in all", *survivors, sep="\n  ")
    if not total or poor:
        print(f"more than {1 - LEAST_CAUGHT:.0%} survive in: {', '.join(poor) or 'nothing was tried'}")
    return int(not total or bool(poor))


if __name__ == "__main__":
    sys.exit(main())
