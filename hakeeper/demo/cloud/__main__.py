"""`python -m hakeeper.demo.cloud`: the simulated cloud as a separate process.

Prints one line of JSON, `{"url": ..., "control_url": ...}`, and serves until SIGTERM, SIGINT or,
with `--until-stdin-closes`, until its parent is gone.
"""

import argparse
import json
import os
import signal
import ssl
import sys
import threading
from collections.abc import Sequence

from hakeeper.demo.cloud.cloud import SimCloud
from hakeeper.demo.cloud.ports import LOOPBACK
from hakeeper.demo.cloud.values import Rules


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hakeeper.demo.cloud", description=__doc__)
    parser.add_argument("--host", default=LOOPBACK)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control-host", default=None, help="default: the same as --host")
    parser.add_argument("--control-port", type=int, default=0)
    parser.add_argument("--certfile", help="serve HTTPS with this certificate chain")
    parser.add_argument("--keyfile")
    parser.add_argument("--action-s", type=float, default=Rules().action_s)
    parser.add_argument("--limit-per-hour", type=int, default=Rules().limit_per_hour)
    parser.add_argument("--lock-servers", action="store_true")
    parser.add_argument("--holder-at-accept", action="store_true")
    parser.add_argument("--until-stdin-closes", action="store_true")
    parser.add_argument(
        "--allow-non-loopback", action="store_true", help="for an address inside a test's namespace"
    )
    return parser


def _tls(certfile: str | None, keyfile: str | None) -> ssl.SSLContext | None:
    if certfile is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certfile, keyfile)
    return context


def _end_of_service(*, until_stdin_closes: bool) -> threading.Event:
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: end.set())
    if until_stdin_closes:

        def watch() -> None:
            while os.read(sys.stdin.fileno(), 4096):
                pass
            end.set()

        threading.Thread(target=watch, daemon=True).start()
    return end


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped."""
    given = _parser().parse_args(arguments)
    rules = Rules(
        action_s=given.action_s,
        holder_at_accept=given.holder_at_accept,
        lock_servers=given.lock_servers,
        limit_per_hour=given.limit_per_hour,
    )
    end = _end_of_service(until_stdin_closes=given.until_stdin_closes)
    with SimCloud(
        host=given.host,
        port=given.port,
        control_host=given.control_host,
        control_port=given.control_port,
        tls=_tls(given.certfile, given.keyfile),
        rules=rules,
        allow_non_loopback=given.allow_non_loopback,
    ) as cloud:
        sys.stdout.write(json.dumps({"url": cloud.url, "control_url": cloud.control_url}) + "\n")
        sys.stdout.flush()
        end.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
