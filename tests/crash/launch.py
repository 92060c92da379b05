"""Runs hakeeper with a `Plan` from the environment: `python -m crash.launch run -c ...`.

`prefix` makes `daemon.world` start its daemons like this.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from crash.failpoints import Plan, install
from hakeeper.cli.main import run_command

VARIABLE = "HAKEEPER_TEST_PLAN"


def prefix() -> list[str]:
    """Return what goes before `python -m hakeeper`, to have this run in its place."""
    return ["sh", "-euc", 'shift 3; exec "$0" -m crash.launch "$@"', sys.executable]


def environment(plan: Mapping[str, object]) -> dict[str, str]:
    """Return the environment for it."""
    tests = Path(__file__).parents[1]
    path = os.pathsep.join((str(tests), str(tests.parent)))
    return {VARIABLE: json.dumps(plan), "PYTHONPATH": path}


if __name__ == "__main__":
    if sys.argv[1] == "run":
        install(Plan(**json.loads(os.environ[VARIABLE])))
    sys.exit(run_command(sys.argv[1:]))
