"""`hakeeper metrics --listen` beside a node's daemon, as a process."""

import re
import socket
import subprocess
from collections.abc import Sequence
from typing import Self

from hakeeper.demo.lab.daemon import HAKEEPER
from tests.support.daemon_node import PATIENCE_S, DaemonNode


class Listening:
    """One that serves from its making to the end of the block."""

    def __init__(
        self, node: DaemonNode, at: str = "127.0.0.1:0", *, prefix: Sequence[str] = ()
    ) -> None:
        self._process = subprocess.Popen(
            [*prefix, *HAKEEPER, "metrics", "--listen", at],
            env={"PATH": "/usr/bin:/bin", **node.environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        self.where = self._process.stderr.readline().removeprefix("metrics at ").strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=PATIENCE_S)

    def kill(self) -> None:
        """End it without a chance to clean up."""
        self._process.kill()

    @property
    def port(self) -> int:
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/metrics", self.where)
        assert found, self.where
        return int(found[1])

    def connected(self) -> socket.socket:
        """Connect to it."""
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE_S)
