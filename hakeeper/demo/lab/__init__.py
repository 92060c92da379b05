"""A lab: real keepalived and real hakeeper in network namespaces, on one machine.

The demo shows it, and the scenario tests use it.
"""

from hakeeper.demo.lab.checks import settle, was_master, wrongful_assigns
from hakeeper.demo.lab.daemon import HakeeperProcess, LogEntry, event_of, is_event
from hakeeper.demo.lab.keepalived import Keepalived, parse_dump
from hakeeper.demo.lab.lab import Lab, LabSettings
from hakeeper.demo.lab.network import Cable
from hakeeper.demo.lab.node import Node
from hakeeper.demo.lab.relay import Way
from hakeeper.demo.lab.vrrp_conf import VrrpInstance, VrrpSettings
from hakeeper.demo.lab.waiting import LabError, LabTimeoutError, wait_until
from hakeeper.demo.lab.witness import Heard, RoleChange, Witness

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
