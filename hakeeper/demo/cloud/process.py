"""A simulated API as a process of its own: its options, and when it ends."""

import argparse
import json
import os
import signal
import ssl
import sys
import threading

from hakeeper.demo.cloud.ports import LOOPBACK, Simulator


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add where it serves and how it ends."""
    parser.add_argument("--host", default=LOOPBACK)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control-host", default=None, help="default: the same as --host")
    parser.add_argument("--control-port", type=int, default=0)
    parser.add_argument("--certfile", help="serve HTTPS with this certificate chain")
    parser.add_argument("--keyfile")
    parser.add_argument("--until-stdin-closes", action="store_true")
    parser.add_argument(
        "--allow-non-loopback", action="store_true", help="for an address inside a test's namespace"
    )


def tls(given: argparse.Namespace) -> ssl.SSLContext | None:
    """Return what HTTPS needs; None: it is HTTP."""
    if given.certfile is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(given.certfile, given.keyfile)
    return context


def end_of_service(*, until_stdin_closes: bool) -> threading.Event:
    """Return what is set by SIGTERM, by SIGINT and perhaps by the end of the parent."""
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


def say_where(simulator: Simulator) -> None:
    """Print the line of JSON that tells a parent where it serves."""
    urls = {"url": simulator.url, "control_url": simulator.control_url}
    sys.stdout.write(json.dumps(urls) + "\n")
    sys.stdout.flush()
