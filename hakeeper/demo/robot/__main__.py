"""`python -m hakeeper.demo.robot`: the simulated Robot webservice as a separate process.

Prints one line of JSON, `{"url": ..., "control_url": ...}`, and serves until SIGTERM, SIGINT or,
with `--until-stdin-closes`, until its parent is gone.
"""

import argparse
import sys
from collections.abc import Sequence

from hakeeper.demo.cloud.process import add_options, end_of_service, say_where, tls
from hakeeper.demo.robot.sim import SimRobot
from hakeeper.demo.robot.values import RobotRules


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m hakeeper.demo.robot", description=__doc__)
    add_options(parser)
    parser.add_argument("--switch-s", type=float, default=RobotRules().switch_s)
    given = parser.parse_args(arguments)
    end = end_of_service(until_stdin_closes=given.until_stdin_closes)
    with SimRobot(
        host=given.host,
        port=given.port,
        control_host=given.control_host,
        control_port=given.control_port,
        tls=tls(given),
        rules=RobotRules(switch_s=given.switch_s),
        allow_non_loopback=given.allow_non_loopback,
    ) as robot:
        say_where(robot)
        end.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
