"""The simulated Robot in this process, and a client for one in another."""

import ssl

from hakeeper.demo.cloud.control import ControlClient
from hakeeper.demo.cloud.ports import LOOPBACK, Ports, Simulator, Where
from hakeeper.demo.cloud.service import Observer
from hakeeper.demo.robot.commands import RobotCommands
from hakeeper.demo.robot.front import RobotFront
from hakeeper.demo.robot.service import RobotEngine, RobotService
from hakeeper.demo.robot.values import RobotRules


class SimRobot(Simulator, RobotFront):
    """A simulated Robot webservice on a loopback port; use it as a context manager.

    With `tls` it speaks HTTPS. Addresses other than loopback are refused unless
    `allow_non_loopback`, since it is not meant to be reachable from outside.
    """

    def __init__(  # noqa: PLR0913 - all named, all with a default
        self,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        control_host: str | None = None,
        control_port: int = 0,
        tls: ssl.SSLContext | None = None,
        rules: RobotRules | None = None,
        observer: Observer | None = None,
        allow_non_loopback: bool = False,
    ) -> None:
        """Bind the ports and start to serve; OSError if a port is taken."""
        engine = RobotEngine(rules or RobotRules())
        ports = Ports(engine, allow_non_loopback=allow_non_loopback)
        self.serve(
            ports,
            RobotCommands(engine, ports),
            lambda: RobotService(engine, (host, port), tls, observer),
            Where((host, port), (control_host or host, control_port)),
        )


class RobotClient(ControlClient, RobotFront):
    """A simulated Robot that runs in another process: `python -m hakeeper.demo.robot`."""
