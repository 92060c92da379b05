"""The checks: facts in, findings out, no I/O. A check that does not apply yields nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from hakeeper.doctor.checks.access import access, fifo_folder
from hakeeper.doctor.checks.addresses import addresses
from hakeeper.doctor.checks.cloud import api, clock, quota, server, token
from hakeeper.doctor.checks.conf import conf, instances
from hakeeper.doctor.checks.fifo import fifo, fifo_line
from hakeeper.doctor.checks.fifo_readers import fifo_readers
from hakeeper.doctor.checks.identity import identity, primary_ip
from hakeeper.doctor.checks.keepalived import keepalived, roles
from hakeeper.doctor.checks.missing_addresses import missing_addresses
from hakeeper.doctor.checks.networkd import networkd
from hakeeper.doctor.checks.notify_scripts import notify_scripts
from hakeeper.doctor.checks.private_addresses import private_addresses
from hakeeper.doctor.checks.robot import login, robot, robot_budget, robot_server
from hakeeper.doctor.checks.settings import settings, versions
from hakeeper.doctor.checks.virtual_addresses import virtual_addresses
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import CheckResult
from hakeeper.kinds import KINDS


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the report."""

    name: str
    run: Callable[[Facts], Iterator[CheckResult]]


CHECKS: Final = (
    Check("API", api),
    Check("clock", clock),
    Check("token", token),
    Check("quota", quota),
    Check("server", server),
    Check("server", identity),
    Check("Primary IP", primary_ip),
    Check("Robot", robot),
    Check("Robot login", login),
    Check("Robot budget", robot_budget),
    Check("Robot server", robot_server),
    *(Check(kind.noun, partial(addresses, kind=kind)) for kind in KINDS.values()),
    Check("keepalived.conf", conf),
    Check("instance", instances),
    Check("virtual IP", virtual_addresses),
    Check("virtual IP", missing_addresses),
    Check("networkd", networkd),
    Check("private address", private_addresses),
    Check("notify script", notify_scripts),
    Check("settings", settings),
    Check("version", versions),
    Check("FIFO line", fifo_line),
    Check("FIFO", fifo),
    Check("FIFO folder", fifo_folder),
    Check("access", access),
    Check("keepalived", keepalived),
    Check("FIFO reader", fifo_readers),
    Check("role", roles),
)
"""In report order: from the cloud to this machine. The daemon's own problems follow these, and only
those that no finding explains are reported."""
