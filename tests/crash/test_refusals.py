"""The system refuses each call of the daemon once: it goes on, or systemd starts it again."""

import contextlib
import errno
import os
import socket
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from hakeeper import exits
from hakeeper.adapters.control_client import ControlError, NotRunning, ask
from hakeeper.demo.cloud import ON_LOOPBACK, Rules, SimCloud
from tests.crash.nursery import Birth, Life, Nursery
from tests.crash.refusals import NOTE
from tests.support.keepalived_standin import StandIn
from tests.support.waiting import eventually

PATIENCE_S = 30.0
ASK_S = 5.0
OF_WHAT_IS_OPEN = frozenset(
    ("os.read", "os.eventfd_read", "os.eventfd_write", "fcntl.ioctl", "select.poll", "socket.recv")
)
"""Calls that need nothing new: no system refuses them for want of anything."""


class EndedError(Exception):
    """The daemon has ended before it was told to."""


class Stage:
    """One daemon at a time, on an API that is shared with others."""

    def __init__(self, folder: Path, cloud: SimCloud, number: int) -> None:
        self._folder = folder
        self._cloud = cloud
        self._name = f"node-{number}"
        self._nursery = Nursery()
        self._server = cloud.add_server(self._name, private_ips=ON_LOOPBACK)
        self._elsewhere = cloud.add_server(f"other-{number}")
        self._web = cloud.add_floating_ip(
            f"web-{number}", f"203.0.113.{10 + number}", server=self._elsewhere
        )
        self._keepalived = StandIn(folder / "keepalived")
        self._keepalived.start()
        token = folder / "token"
        token.write_text(cloud.add_client(self._name))
        token.chmod(0o600)
        for place in ("run", "state"):
            (folder / place).mkdir()
        os.mkfifo(folder / "notify.fifo", 0o600)
        self._pipe = os.open(folder / "notify.fifo", os.O_RDWR | os.O_NONBLOCK)
        config = {
            "server": self._server,
            "instances": {"VI_1": {"floating_ips": [f"web-{number}"]}},
            "keepalived": {
                "fifo": str(folder / "notify.fifo"),
                "pid_file": str(self._keepalived.pid_file),
                "state": "auto",
            },
            "hetzner": {"endpoint": cloud.url, "timeout": "2s", "token_file": str(token)},
            "reconcile": {"interval": "1s", "standby_interval": "1s"},
        }
        (folder / "hakeeper.yaml").write_text(yaml.safe_dump(config))
        self._control = str(folder / "run" / "control.sock")
        self._systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._systemd.bind(str(folder / "systemd"))
        self._systemd.settimeout(0.02)
        self._lives = 0

    def close(self) -> None:
        self._nursery.close()
        self._keepalived.kill()
        self._systemd.close()
        os.close(self._pipe)

    def live(self, place: str = "", error: int = 0) -> tuple[str, list[str]]:
        """Live once, from the start over a claim and a reload to SIGTERM.

        Return how it ended, and the places that were noted.
        """
        self._lives += 1
        trace = self._folder / f"trace-{self._lives}"
        log = self._folder / f"log-{self._lives}"
        self._cloud.move(self._web, self._elsewhere)
        self._forget()
        life = self._nursery.start(
            Birth(
                arguments=["run", "-c", str(self._folder / "hakeeper.yaml"), "--log", "json"],
                environment={
                    "LANG": "C.UTF-8",
                    "PATH": os.environ["PATH"],
                    "RUNTIME_DIRECTORY": str(self._folder / "run"),
                    "STATE_DIRECTORY": str(self._folder / "state"),
                    "NOTIFY_SOCKET": str(self._folder / "systemd"),
                    "WATCHDOG_USEC": "2000000",
                    "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self._folder}/no-bus",
                },
                log=str(log),
                plan={
                    "trace": str(trace),
                    "notes_calls": True,
                    "refused": place,
                    "error": error,
                },
            )
        )
        try:
            how = self._lived(life)
        except EndedError:
            how = "ended"
        except AssertionError as failure:
            raise AssertionError(f"{place}: {failure}\n{log.read_text()[-3000:]}") from None
        finally:
            life.close()
        notes = [line.split(maxsplit=2)[1:] for line in trace.read_text().splitlines()]
        codes = [what for word, what in notes if word == "ended"]
        assert len(codes) == 1, f"{place}: {log.read_text()[-3000:]}"
        return f"{how} {codes[0]}", [what for word, what in notes if word == NOTE]

    def _forget(self) -> None:
        for left in ("state/state.json", "run/control.sock"):
            (self._folder / left).unlink(missing_ok=True)
        with contextlib.suppress(BlockingIOError):
            os.read(self._pipe, 65536)
        with contextlib.suppress(TimeoutError):
            while self._systemd.recv(65536):
                pass

    def _lived(self, life: Life) -> str:
        self._until(life, self._is_ready, "READY=1")
        self._say("MASTER")
        self._until(life, lambda: self._cloud.holder(self._web) == self._server, "the claim")
        self._until(life, lambda: self._role()["addresses"][0]["confirmed"], "confirmed")
        self._until(life, lambda: self._asked("reload").get("refused") == [], "the reload")
        self._say("BACKUP")
        self._until(life, lambda: self._role()["role"] == "BACKUP", "BACKUP")
        self._until(life, self._is_fed, "a beat")
        os.kill(life.pid, 15)
        self._until(life, lambda: life.ended(0.05), "the end", ends=True)
        return "stopped"

    def _until(self, life: Life, probe: Any, what: str, *, ends: bool = False) -> None:  # noqa: ANN401  # any truth
        def found() -> bool:
            if not ends and life.ended():
                raise EndedError
            return bool(probe())

        eventually(found, PATIENCE_S, what)

    def _is_ready(self) -> bool:
        return b"READY=1" in self._heard()

    def _is_fed(self) -> bool:
        return b"WATCHDOG=1" in self._heard()

    def _heard(self) -> bytes:
        try:
            return self._systemd.recv(65536)
        except TimeoutError:
            return b""

    def _asked(self, command: str) -> dict[str, Any]:
        try:
            return ask(self._control, {"command": command}, ASK_S)
        except (ControlError, NotRunning):
            return {}

    def _role(self) -> dict[str, Any]:
        roles = self._asked("status").get("roles")
        nothing = {"role": "", "addresses": [{"confirmed": False}]}
        return dict(roles[0]) if roles else nothing

    def _say(self, role: str) -> None:
        os.write(self._pipe, f'INSTANCE "VI_1" {role} 100\n'.encode())


@pytest.fixture
def stages() -> Iterator[list[Stage]]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="refuse-")))
        cloud = stack.enter_context(SimCloud(rules=Rules(action_s=0.0, limit_per_hour=10_000_000)))
        made = []
        for number in range(6):
            own = folder / str(number)
            own.mkdir()
            made.append(Stage(own, cloud, number))
            stack.callback(made[-1].close)
        yield made


@pytest.mark.timeout(600)
def test_whatever_the_system_refuses_once_it_goes_on_or_is_started_again(
    stages: list[Stage],
) -> None:
    end, places = stages[0].live()
    assert end == "stopped 0"
    assert len(places) > 100
    jobs = [(place, error) for place in places for error in (errno.EMFILE, errno.EPERM)]
    free = list(stages)

    def play(job: tuple[str, int]) -> tuple[str, str, str]:
        stage = free.pop()
        try:
            end, _ = stage.live(*job)
        finally:
            free.append(stage)
        return job[0], errno.errorcode[job[1]], end

    with ThreadPoolExecutor(len(stages)) as pool:
        wrong = [life for life in pool.map(play, jobs) if not is_right(*life)]
    assert [] == wrong


def is_right(place: str, error: str, end: str) -> bool:
    """Say whether a life that met this error at this place ended as it should."""
    phase, name, where = place.split("|")
    if end == "stopped 0":
        return True
    if where.startswith("adapters/bounded_read.py") and error == "EPERM" and phase == "start":
        return end == f"ended {exits.NO_PERMISSION}"  # the operator's file, and his to mend
    # `stopped`: it met the error when it had been told to end.
    if phase == "run" and name not in OF_WHAT_IS_OPEN:
        return False
    return end in {f"ended {exits.SYSTEM}", f"stopped {exits.SYSTEM}"}
