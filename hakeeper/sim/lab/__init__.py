"""A lab: real keepalived and real hakeeper in network namespaces, on one machine.

The demo shows it, and the scenario tests use it.
"""

from hakeeper.sim.lab.checks import settle, was_master, wrongful_assigns
from hakeeper.sim.lab.daemon import HakeeperProcess, LogEntry, event_of, is_event
from hakeeper.sim.lab.keepalived import Keepalived, parse_dump
from hakeeper.sim.lab.lab import Lab, LabSettings
from hakeeper.sim.lab.network import Cable
from hakeeper.sim.lab.node import Node
from hakeeper.sim.lab.relay import Way
from hakeeper.sim.lab.vrrp_conf import VrrpInstance, VrrpSettings
from hakeeper.sim.lab.waiting import LabError, LabTimeoutError, wait_until
from hakeeper.sim.lab.witness import Heard, RoleChange, Witness

__all__ = [
    "Cable",
    "HakeeperProcess",
    "Heard",
    "Keepalived",
    "Lab",
    "LabError",
    "LabSettings",
    "LabTimeoutError",
    "LogEntry",
    "Node",
    "RoleChange",
    "VrrpInstance",
    "VrrpSettings",
    "Way",
    "Witness",
    "event_of",
    "is_event",
    "parse_dump",
    "settle",
    "wait_until",
    "was_master",
    "wrongful_assigns",
]
