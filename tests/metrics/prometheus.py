"""A real Prometheus, Debian's, which scrapes what a test serves."""

import contextlib
import http.client
import json
import socket
import subprocess
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.conf.test_prometheus import CONF, RULES
from tests.support.waiting import eventually

PATIENCE_S = 60.0
"""Bounds a failing test; no assertion."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer: its labels, and its values by time (seconds since 1970)."""

    labels: Mapping[str, str]
    values: Mapping[float, float]


class Prometheus:
    """One that runs."""

    def __init__(self, port: int) -> None:
        self._port = port

    def is_ready(self) -> bool:
        """Say whether it answers."""
        try:
            return self._get("/-/ready").startswith(b"Prometheus Server is Ready")
        except OSError:
            return False

    def now(self, query: str) -> list[Series]:
        """Return what a query has now."""
        found = self._ask("query", query=query)
        return [Series(one["metric"], _values([one["value"]])) for one in found]

    def between(self, query: str, start_s: float, end_s: float, step_s: float) -> list[Series]:
        """Return what a query had from one time to another, seconds since 1970."""
        found = self._ask("query_range", query=query, start=start_s, end=end_s, step=step_s)
        return [Series(one["metric"], _values(one["values"])) for one in found]

    def _ask(self, what: str, **parameters: object) -> list[dict[str, Any]]:
        answer = json.loads(self._get(f"/api/v1/{what}?{urllib.parse.urlencode(parameters)}"))
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def _get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_S)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().read()


def _values(pairs: list[tuple[float, str]]) -> dict[float, float]:
    return {at_s: float(value) for at_s, value in pairs}


@contextlib.contextmanager
def running(folder: Path, targets: Mapping[str, str]) -> Iterator[Prometheus]:
    """Start one with our example and rules, once a second; `targets`: an address by its name."""
    config = yaml.safe_load((CONF / "hakeeper.scrape.yml").read_text())
    [job] = config["scrape_configs"]
    [labels] = (each["labels"] for each in job["static_configs"])
    job |= {
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "static_configs": [
            {"targets": [target], "labels": {**labels, "instance": name}}
            for name, target in targets.items()
        ],
    }
    config |= {"global": {"evaluation_interval": "1s"}, "rule_files": [str(RULES)]}
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    port = _free_port()
    command = ["prometheus", f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    process = subprocess.Popen(command)
    try:
        made = Prometheus(port)
        eventually(made.is_ready, PATIENCE_S)
        yield made
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
