"""The way out of each trouble, said once.

`hakeeper status`, the journal, its catalog, `hakeeper check` and the docs all show these, so that
an operator never reads two cures for one state. A cure is a line to write or a command to run; none
of them makes a MASTER give its addresses up.
"""

from typing import Final

FIFO_LOST: Final = "systemd-tmpfiles --create hakeeper.conf && systemctl reload keepalived"
"""The FIFO is missing, or keepalived writes into another one. A restart would fail a master over;
a reload makes keepalived open the path anew."""
KEEPALIVED_GONE: Final = "journalctl -u keepalived -n 30; systemctl start keepalived"
FAULT: Final = "journalctl -u keepalived -n 30    # an interface, an address or a script failed"
CONFIG_REFUSED: Final = "hakeeper check    # then: systemctl reload hakeeper"
TOKEN_SOURCE: Final = "Hetzner console, Security, API tokens: make one that may read and write"  # noqa: S105  # no token
TOKEN_PUT: Final = "install -m 0600 /dev/stdin /etc/hakeeper/token; systemctl restart hakeeper"  # noqa: S105  # likewise
DBUS: Final = (
    "enable_dbus    # in global_defs of keepalived.conf; then: systemctl restart keepalived"
)
"""keepalived opens the bus at its start alone."""


def fifo_line(path: str, user: str = "hakeeper") -> str:
    """Return the line that makes keepalived write to the FIFO at `path`."""
    return f"vrrp_notify_fifo {path} {user} {user}"
