"""What a command imports, of what takes time."""

import subprocess
import sys

_HEAVY = ("hcloud", "yaml", "structlog", "requests", "urllib3", "jeepney", "systemd", "h11")
_SLOW = ("dataclasses", "inspect", "traceback", "hmac", "asyncio", "subprocess", "ssl")
_CODE = """\
import sys
from hakeeper.cli.main import run_command
run_command(sys.argv[1:])
print(*sorted(sys.modules))
"""


def imported_by(*command: str) -> list[str]:
    """Run a command in an interpreter of its own; return its modules: ours, and slow ones."""
    words = [sys.executable, "-c", _CODE, *command]
    output = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    wanted = {"hakeeper", *_HEAVY, *_SLOW}
    return [name for name in output.splitlines()[-1].split() if name.split(".")[0] in wanted]
