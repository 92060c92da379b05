"""What a set-up is made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.corpus.server import Server

Content = str | bytes
Hook = Callable[[Server], object]

CONF = "/etc/keepalived/keepalived.conf"
YAML = """\
instances:
  VI_1:
    floating_ips: [web]
"""
FLOATING_IPS = {"web": "203.0.113.10"}


@dataclass(frozen=True, kw_only=True)
class SetUp:
    """One set-up: files, and what is done with them. Nothing here says whether it works."""

    name: str
    about: str
    conf: Content
    files: Mapping[str, Content] = field(default_factory=dict)
    """Further files by path; those that begin with #! may be executed."""
    yaml: str = YAML
    floating_ips: Mapping[str, str] = field(default_factory=lambda: dict(FLOATING_IPS))
    options: tuple[str, ...] = ()
    """Of keepalived's command line."""
    before: Hook | None = None
    """Done before anything is started."""
    later: Hook | None = None
    """Done once keepalived has read its file; then it is also started anew at the end."""
    is_hakeeper_restarted: bool = False
    """Whether the daemon is started anew after `later`."""
    as_service: bool = False
    """Whether the service's user checks it, too: where that user sees less than root."""
    is_wide: bool = False
    """Whether it is left out unless all are asked for: much like another one."""
    again: bool = False
    """Whether keepalived is started anew at the end also without `later`."""
    settle_s: float = 6.0
    """How long VRRP may take: with an advertisement every second it is MASTER after 4 s."""
    peer: str | None = None
    """keepalived.conf of the other server. It is MASTER first, is stopped, and comes back lower."""


def conf(path: str, content: Content) -> Hook:
    """Return what writes a file."""
    return lambda server: server.write(path, content)


def shell(command: str) -> Hook:
    """Return what runs a command on the server."""
    return lambda server: server.run("sh", "-c", command)
