"""`python -m hakeeper.demo.cloud`: the simulated cloud as a separate process.

Prints one line of JSON, `{"url": ..., "control_url": ...}`, and serves until SIGTERM, SIGINT or,
with `--until-stdin-closes`, until its parent is gone.
"""

import argparse
import sys
from collections.abc import Sequence

from hakeeper.demo.cloud.cloud import SimCloud
from hakeeper.demo.cloud.process import add_options, end_of_service, say_where, tls
from hakeeper.demo.cloud.values import Rules


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hakeeper.demo.cloud", description=__doc__)
    add_options(parser)
    parser.add_argument("--action-s", type=float, default=Rules().action_s)
    parser.add_argument("--limit-per-hour", type=int, default=Rules().limit_per_hour)
    parser.add_argument("--lock-servers", action="store_true")
    parser.add_argument("--holder-at-accept", action="store_true")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped."""
    given = _parser().parse_args(arguments)
    rules = Rules(
        action_s=given.action_s,
        holder_at_accept=given.holder_at_accept,
        lock_servers=given.lock_servers,
        limit_per_hour=given.limit_per_hour,
    )
    end = end_of_service(until_stdin_closes=given.until_stdin_closes)
    with SimCloud(
        host=given.host,
        port=given.port,
        control_host=given.control_host,
        control_port=given.control_port,
        tls=tls(given),
        rules=rules,
        allow_non_loopback=given.allow_non_loopback,
    ) as cloud:
        say_where(cloud)
        end.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
