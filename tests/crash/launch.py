"""Runs hakeeper with a `Plan` from the environment: `python -m tests.crash.launch run -c ...`.

`prefix` makes `DaemonNode` start its daemons like this.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from hakeeper.cli.main import run_command
from tests.crash.failpoints import Plan, install

VARIABLE = "HAKEEPER_TEST_PLAN"


def prefix() -> list[str]:
    """Return what goes before `python -m hakeeper`, to have this run in its place."""
    return ["sh", "-euc", 'shift 3; exec "$0" -m tests.crash.launch "$@"', sys.executable]


def environment(plan: Mapping[str, object]) -> dict[str, str]:
    """Return the environment for it."""
    return {VARIABLE: json.dumps(plan), "PYTHONPATH": str(Path(__file__).parents[2])}


if __name__ == "__main__":
    if sys.argv[1] == "run":
        install(Plan(**json.loads(os.environ[VARIABLE])))
    sys.exit(run_command(sys.argv[1:]))
