"""Commands of the operator, run after the fact: the daemon's side, and that of their own service.

The daemon runs nothing. It sends one datagram to a socket of systemd's (`sender.py`); behind that,
`hakeeper hooks` (`runner.py`) runs what hakeeper.yaml names, in a sandbox of its own.
"""

import os
from pathlib import Path
from typing import Final

SOCKET_VARIABLE: Final = "HAKEEPER_HOOKS_SOCKET"
SOCKET: Final = "/run/hakeeper-hooks/notices.sock"
"""Where systemd listens for the service (systemd/hakeeper-hooks.socket)."""
CURE: Final = "systemctl enable --now hakeeper-hooks.socket"
"""What makes it listen."""


def hooks_socket() -> Path:
    """Return the path of that socket; tests set the variable."""
    return Path(os.environ.get(SOCKET_VARIABLE) or SOCKET)
