"""The targets by name."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tests.fuzz import bodies, config, control, lines, state, story


@dataclass(frozen=True, slots=True)
class Target:
    """One entry point. `run` raises when something is wrong; `is_json`: JSON is inside."""

    run: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]
    limit_bytes: int
    is_json: bool = False
    words: str = ""
    """What the fuzzer should know of the language, with blanks between, escaped as in C."""


_LINE_WORDS = "INSTANCE GROUP VS RS MASTER BACKUP FAULT STOP DELETED _RX_LOWER_PRI _PRIORITY VI_1"
_CONFIG_WORDS = r"""
    server: auto instances: groups: floating_ips: vrrp_address: keepalived: fifo: state: pid_file:
    hetzner: endpoint: token_file: ca_file: timeout: reconcile: interval: standby_interval: token:
    robot: credentials_file: failover_ips: alias_ips:
    http:// https:// api.hetzner.cloud /v1 127.0.0.1 localhost :80 [::1] [ ] { } & * ! | > ' " # %
    @ ` , ? - : << --- ... ~ null no yes 0x_ 0b 0755 12:30 1e3 .inf 2001:db8:: /64 /32 fe80::1%lo
    ms s m h dbus none !!str %YAML \\UFFFFFFFF \\x00
"""
_HTTP_WORDS = r"""
    200 201 204 302 400 401 403 404 409 412 422 423 429 500 502 503 504 HTTP/1.1 Retry-After:
    RateLimit-Limit: RateLimit-Remaining: X-Correlation-Id: Transfer-Encoding: chunked Location:
    locked conflict rate_limit_exceeded not_found forbidden floating_ip_assigned timeout \x0a%%\x0a
"""
TARGETS: Final[Mapping[str, Target]] = {
    "lines": Target(lines.run, lines.seeds, 6000, words=_LINE_WORDS),
    "config": Target(config.run, config.seeds, 8192, words=_CONFIG_WORDS),
    "bodies": Target(bodies.run, bodies.seeds, 16384, is_json=True, words=_HTTP_WORDS),
    "story": Target(story.run, story.seeds, 16384, is_json=True, words=_HTTP_WORDS),
    "control": Target(control.run, control.seeds, 5000, is_json=True),
    "state": Target(state.run, state.seeds, 4096, is_json=True),
}
