"""The checks: facts in, findings out, no I/O. A check that has nothing to judge says nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from hakeeper.doctor.checks.access import access, fifo_folder
from hakeeper.doctor.checks.addresses import addresses
from hakeeper.doctor.checks.cloud import api, clock, quota, server, token
from hakeeper.doctor.checks.conf import conf, instances
from hakeeper.doctor.checks.fifo import fifo, fifo_line
from hakeeper.doctor.checks.hearing import hearing
from hakeeper.doctor.checks.holding import holding
from hakeeper.doctor.checks.identity import identity, primary_ip
from hakeeper.doctor.checks.networkd import networkd
from hakeeper.doctor.checks.running import keepalived, states
from hakeeper.doctor.checks.scripts import scripts
from hakeeper.doctor.checks.settings import settings, versions
from hakeeper.doctor.checks.vanished import vanished
from hakeeper.doctor.checks.virtual import virtual_addresses
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import Said


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the report."""

    name: str
    look: Callable[[Facts], Iterator[Said]]


CHECKS: Final = (
    Check("API", api),
    Check("clock", clock),
    Check("token", token),
    Check("quota", quota),
    Check("server", server),
    Check("server", identity),
    Check("Primary IP", primary_ip),
    Check("floating IP", addresses),
    Check("keepalived.conf", conf),
    Check("instance", instances),
    Check("virtual IP", virtual_addresses),
    Check("virtual IP", vanished),
    Check("networkd", networkd),
    Check("private address", hearing),
    Check("notify script", scripts),
    Check("settings", settings),
    Check("version", versions),
    Check("FIFO line", fifo_line),
    Check("FIFO", fifo),
    Check("FIFO folder", fifo_folder),
    Check("access", access),
    Check("keepalived", keepalived),
    Check("FIFO reader", holding),
    Check("role", states),
)
"""In the order of the report: from the cloud to this machine. The daemon's own problems come last:
only those are told that no finding explains."""
