"""What a command imports, of what takes time."""

import subprocess
import sys

_HEAVY = ("hcloud", "yaml", "structlog", "requests", "urllib3", "jeepney", "systemd", "h11")
_SLOW = ("dataclasses", "inspect", "traceback", "hmac", "asyncio", "subprocess", "ssl")
_BARE = """\
import argparse, sys
argparse.ArgumentParser().add_argument("--any")
print(*sorted(sys.modules))
"""
"""What any command does: argparse of 3.14 imports dataclasses and inspect for its colours."""
_CODE = """\
import sys
from hakeeper.cli.main import run_command
run_command(sys.argv[1:])
print(*sorted(sys.modules))
"""


def imported_by(*command: str) -> list[str]:
    """Run a command in an interpreter of its own; return its modules: ours, and slow ones.

    What argparse alone brings is not counted.
    """
    wanted = {"hakeeper", *_HEAVY, *_SLOW}
    brought = set(_modules(_BARE))
    return [
        name
        for name in _modules(_CODE, *command)
        if name.split(".")[0] in wanted and name not in brought
    ]


def _modules(code: str, *words: str) -> list[str]:
    argv = [sys.executable, "-c", code, *words]
    output = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return output.splitlines()[-1].split()
