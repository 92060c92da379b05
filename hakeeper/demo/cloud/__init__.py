"""A simulated Hetzner Cloud: an HTTP(S) server on loopback that keeps an exact log.

`SimCloud` runs in this process, `CloudClient` talks to one in another; both have the methods of
`CloudFront`. `CloudModel` and `Api` are the same cloud without sockets and without a clock.
"""

from hakeeper.demo.cloud.cloud import SimCloud
from hakeeper.demo.cloud.control import CloudClient
from hakeeper.demo.cloud.faults import HTML_502, Answer, Fault, Network
from hakeeper.demo.cloud.front import CloudFront
from hakeeper.demo.cloud.project import ON_LOOPBACK
from hakeeper.demo.cloud.server_front import CommandError
from hakeeper.demo.cloud.values import (
    AliasChange,
    Counters,
    FaultRecord,
    HolderChange,
    LoggedRequest,
    Rules,
)

__all__ = [
    "HTML_502",
    "ON_LOOPBACK",
    "AliasChange",
    "Answer",
    "CloudClient",
    "CloudFront",
    "CommandError",
    "Counters",
    "Fault",
    "FaultRecord",
    "HolderChange",
    "LoggedRequest",
    "Network",
    "Rules",
    "SimCloud",
]
