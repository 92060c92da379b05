"""A simulated Robot webservice: the failover IPs of dedicated servers, over HTTP with basic auth.

`SimRobot` runs in this process, `RobotClient` talks to one in another; both have the methods of
`RobotFront`. Faults, log and ports are those of `hakeeper.demo.cloud`. `RobotModel` and `RobotApi`
are the same webservice without sockets and without a clock.
"""

from hakeeper.demo.robot.front import RobotFront
from hakeeper.demo.robot.sim import RobotClient, SimRobot
from hakeeper.demo.robot.values import (
    FAILOVER_FAILED,
    FAILOVER_NOT_COMPLETE,
    Kind,
    Login,
    RobotRules,
    RouteChange,
)

__all__ = [
    "FAILOVER_FAILED",
    "FAILOVER_NOT_COMPLETE",
    "Kind",
    "Login",
    "RobotClient",
    "RobotFront",
    "RobotRules",
    "RouteChange",
    "SimRobot",
]
