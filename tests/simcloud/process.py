"""A simulator that runs as a process of its own, for the length of a `with` block."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def simulator_process(
    module: str, *options: str
) -> Iterator[tuple[dict[str, str], subprocess.Popen[bytes]]]:
    """Run a module; yield what its client takes, by name, and the process."""
    command = [sys.executable, "-m", module, "--until-stdin-closes", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield json.loads(process.stdout.readline()), process
        finally:
            process.stdin.close()
            process.wait(20)
