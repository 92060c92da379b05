"""Run one target on files: `python -m tests.fuzz.replay TARGET FILE…`; needs no atheris."""

import sys
from pathlib import Path

from tests.fuzz.places import say
from tests.fuzz.targets import TARGETS


def main(arguments: list[str]) -> int:
    """Run them all; the first that raises ends it with its traceback."""
    target = TARGETS[arguments[0]]
    for name in arguments[1:]:
        data = Path(name).read_bytes()
        say(f"{name}: {data[:200]!r}")
        target.run(data)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
