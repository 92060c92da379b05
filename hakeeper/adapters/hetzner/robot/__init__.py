"""Hetzner Robot: its webservice for dedicated servers."""

from hakeeper.adapters.hetzner.robot.api import robot_sessions
from hakeeper.adapters.hetzner.robot.identify import MainAddresses

__all__ = ["MainAddresses", "robot_sessions"]
