"""One story: a keepalived that lives on, and a daemon that is killed again and again.

The test plays systemd: a daemon that died is started again at once.
"""

import json
import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from hakeeper.adapters.control_client import ControlError, NotRunning, ask
from hakeeper.adapters.pipes import is_full
from hakeeper.adapters.statefile import StateFile
from hakeeper.demo.cloud import ON_LOOPBACK, Fault, Rules, SimCloud
from tests.crash.failpoints import (
    ANSWERED,
    BOUNDARIES,
    HALF_WRITTEN,
    PERMITTED,
    RENAMED,
    SENT,
    WRITTEN,
)
from tests.crash.judge import STORM, Judge, LifeRecord, Said, complaints
from tests.crash.nursery import Birth, Life, Nursery
from tests.support.keepalived_standin import StandIn
from tests.support.request_rules import broken_rules

TIMEOUT_S = 2.0
NAME = "VI_1"
ASSIGN = "/actions/assign$"
SERIALS = 250
FILLER = 255
"""The priority of lines that nobody has to know again."""
SCENES_PER_LIFE = 8
LINES_OF_A_STORM = 2000
LINES_PER_PAGE = 150
_VISITS = {
    "feed": 14,
    "Report": 10,
    "drain": 4,
    "settle": 4,
    "StartCall": 6,
    "SaveState": 4,
    HALF_WRITTEN: 4,
    WRITTEN: 4,
    RENAMED: 4,
}
"""At most at which visit a boundary kills; others at the first."""
_CLAIMING = {"before StartCall(Mutate)", "after StartCall(Mutate)", PERMITTED, SENT, ANSWERED}


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must not be."""

    kind: str
    detail: str
    after: str
    """The boundary of the last kill before it was seen."""


@dataclass(slots=True)
class Outcome:
    """What became of a story."""

    seed: str
    kills: list[str] = field(default_factory=list)
    """The boundaries, in their order."""
    missed: list[str] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    in_flight: int = 0
    assigns: int = 0
    lines: int = 0
    repair_s: list[float] = field(default_factory=list)
    """From each birth that was let live to the right role, and the right holder if MASTER."""


class Story:
    """Kills one daemon at each of `boundaries`, in this order."""

    def __init__(
        self,
        seed: str,
        boundaries: Sequence[str],
        *,
        folder: Path,
        nursery: Nursery,
        sabotage: str = "",
        patience_s: float = 30.0,
    ) -> None:
        self._rng = random.Random(seed)  # noqa: S311  # a story, not a secret
        self._boundaries = boundaries
        self._folder = folder
        self._nursery = nursery
        self._sabotage = sabotage
        self._patience_s = patience_s
        self.outcome = Outcome(seed)
        action_s = self._rng.choice((0.0, 0.02, 0.1))
        self._cloud = SimCloud(rules=Rules(action_s=action_s, limit_per_hour=1_000_000))
        self._server = self._cloud.add_server("node-a", private_ips=ON_LOOPBACK)
        self._elsewhere = self._cloud.add_server("node-b")
        self._web = self._cloud.add_floating_ip("web", "203.0.113.10", server=self._elsewhere)
        for place in ("run", "state"):
            (folder / place).mkdir()
        self._fifo = folder / "notify.fifo"
        os.mkfifo(self._fifo, 0o600)
        self._pipe = os.open(self._fifo, os.O_RDWR | os.O_NONBLOCK)  # as keepalived holds it
        self._keepalived = StandIn(folder / "keepalived")
        asks = any("QueryRoles" in boundary for boundary in boundaries)
        self._bus = folder / "bus" if asks or self._rng.random() < 0.3 else None
        self._said: list[Said] = []
        self._lost = False
        """Whether the newest line found the pipe full."""
        self._drifted = False
        self._lives: list[LifeRecord] = []
        self._life: Life | None = None
        self._write_config()

    def _write_config(self) -> None:
        config = {
            "server": self._server,
            "instances": {NAME: {"floating_ips": ["web"]}},
            "keepalived": {
                "fifo": str(self._fifo),
                "pid_file": str(self._keepalived.pid_file),
                "state": "none" if self._bus is None else "auto",
            },
            "hetzner": {
                "endpoint": self._cloud.url,
                "timeout": f"{TIMEOUT_S:g}s",
                "token_file": str(self._folder / "token"),
            },
            # A live MASTER assigns at once, unless a read younger than 1.5 standby intervals says
            # that there is no need: a machine that stands still for that long must be ruled out.
            "reconcile": {"interval": "1s", "standby_interval": "20s"},
        }
        (self._folder / "hakeeper.yaml").write_text(yaml.safe_dump(config))

    def close(self) -> None:
        """End everything."""
        if self._life is not None:
            self._life.close()
        self._keepalived.kill()
        self._cloud.close()
        os.close(self._pipe)

    # --- the plot ----------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Play it to its end."""
        self._keepalived.start()
        self._say("BACKUP")
        for boundary in self._boundaries:
            self._play(boundary)
            self._check_state_file()
            if self._rng.random() < 0.4:
                self._rng.choice((self._flap, self._say_anything, self._overflow))()
        self._begin_life("")
        self._converge()
        self._end_life()
        self._judge()
        return self.outcome

    def _play(self, boundary: str) -> None:
        """Live until the boundary is met."""
        armed_late = self._rng.random() < 0.7
        self._begin_life(boundary, armed_late=armed_late)
        alive = self._converge()
        if armed_late:
            (self._folder / "armed").touch()
        scenes = 0
        while alive and scenes < SCENES_PER_LIFE:
            scenes += 1
            self._scene(boundary)()
            alive = self._converge()
        self._end_life()

    def _scene(self, boundary: str) -> Callable[[], None]:
        if boundary in _CLAIMING:
            return self._claim
        if "CancelCall" in boundary:
            return self._demote_amid
        if "ReloadToken" in boundary:
            return self._refuse_token
        return self._rng.choice(
            (
                self._say_other,
                self._say_other,
                self._flap,
                self._claim,
                self._demote_amid,
                self._storm,
                self._drift,
            )
        )

    def _say_anything(self) -> None:
        self._say(self._rng.choice(("MASTER", "BACKUP", "FAULT", "MASTER")))

    def _say_other(self) -> None:
        """Say one line that changes the role."""
        others = sorted({"MASTER", "BACKUP", "FAULT"} - {self._last().state})
        self._say(self._rng.choice(others))

    def _flap(self) -> None:
        for _ in range(self._rng.randint(1, 3)):
            self._say_anything()
            time.sleep(self._rng.choice((0, 0, 0.002, 0.01)))  # where in its work it is met
        if self._last().state != "MASTER" and self._rng.random() < 0.5:
            self._peer_takes()

    def _claim(self) -> None:
        self._say(self._rng.choice(("BACKUP", "FAULT")))
        if self._rng.random() < 0.7 and not self._converge():
            return
        self._peer_takes()
        self._say("MASTER")

    def _demote_amid(self) -> None:
        self._say("BACKUP")
        if not self._converge():
            return
        self._peer_takes()
        fault = self._cloud.fault(Fault(method="POST", path=ASSIGN, delay_s=0.1, count=1))
        self._say("MASTER")
        self._wait_hit(fault)
        self._say(self._rng.choice(("BACKUP", "FAULT")))
        self._cloud.clear(fault)

    def _refuse_token(self) -> None:
        fault = self._cloud.fault(Fault(method="GET", status=401, count=1))
        self._say("MASTER")
        self._wait_hit(fault)
        self._cloud.clear(fault)

    def _wait_hit(self, fault: int) -> None:
        """Wait until a request has met the fault; if none does, that is seen elsewhere."""
        end_s = time.monotonic() + self._patience_s
        while self._life is not None and not self._life.ended(0.005):
            if self._cloud.faults()[fault - 1].hits or time.monotonic() > end_s:
                break

    def _storm(self) -> None:
        """Say MASTER and BACKUP by turns of chance: whenever a reader looks, either may be last."""
        self._said.append(Said(time.monotonic(), STORM, FILLER))
        for _ in range(LINES_OF_A_STORM):
            self._write(_line(self._rng.choice(("MASTER", "BACKUP")), FILLER))
        self._say_anything()

    def _drift(self) -> None:
        if self._last().state == "MASTER" and not self._drifted:
            self._drifted = True
            self._peer_takes()
        else:
            self._say("MASTER")

    def _overflow(self) -> None:
        """Fill the pipe while nobody reads, with what is not true any more, and lose the truth."""
        self._say(self._rng.choice(("MASTER", "BACKUP", "FAULT")), lost=True)

    # --- keepalived and its peer ---------------------------------------------------------------

    def _say(self, state: str, *, lost: bool = False) -> None:
        serial = len(self._said) % SERIALS
        if self._bus is not None:
            fresh = self._bus.with_suffix(".new")
            fresh.write_text(f"{NAME} {state}")
            fresh.rename(self._bus)  # keepalived changes first, and tells then
        if lost:
            lie = "BACKUP" if state == "MASTER" else "MASTER"
            while self._write(_line(lie, FILLER) * LINES_PER_PAGE):
                pass
        before = [said.state for said in self._said if said.state != STORM][-1:]
        if state != "MASTER" or before != ["MASTER"]:
            self._drifted = False  # a new term
        self._said.append(Said(time.monotonic(), state, serial))
        # A line may still fit into the last page of a full pipe; it is thrown away with the others.
        was_full = is_full(self._pipe, self._pipe)
        self._lost = not self._write(_line(state, serial)) or was_full

    def _write(self, data: bytes) -> bool:
        """Write as keepalived does, who does not care whether it fits."""
        try:
            os.write(self._pipe, data)
        except BlockingIOError:
            return False
        return True

    def _last(self) -> Said:
        return self._said[-1]

    def _peer_takes(self) -> None:
        self._cloud.move(self._web, self._elsewhere)

    # --- the daemon ------------------------------------------------------------------------------

    def _begin_life(self, boundary: str, *, armed_late: bool = False) -> None:
        client = f"life-{len(self._lives)}"
        token = self._folder / "token"
        token.write_text(self._cloud.add_client(client))
        token.chmod(0o600)
        armed = self._folder / "armed"
        armed.unlink(missing_ok=True)
        record = LifeRecord(client, self._folder / f"{client}.trace", time.monotonic(), boundary)
        most = max((n for word, n in _VISITS.items() if boundary.endswith(word)), default=1)
        if armed_late:  # what comes first then is a line, and what it leads to
            most = 1
        self._lives.append(record)
        self._life = self._nursery.start(
            Birth(
                arguments=["run", "-c", str(self._folder / "hakeeper.yaml"), "--log", "json"],
                environment={
                    "LANG": "C.UTF-8",
                    "PATH": os.environ["PATH"],
                    "RUNTIME_DIRECTORY": str(self._folder / "run"),
                    "STATE_DIRECTORY": str(self._folder / "state"),
                },
                log=str(self._folder / "log"),
                plan={
                    "trace": str(record.trace),
                    "boundary": boundary,
                    "visit": self._rng.randint(1, most),
                    "armed_by": str(armed) if armed_late else "",
                    "sabotage": self._sabotage,
                    "bus": "" if self._bus is None else str(self._bus),
                },
            )
        )

    def _dead(self) -> bool:
        return self._life is None or self._life.ended()

    def _end_life(self) -> None:
        """Note how it died, or end it."""
        record = self._lives[-1]
        alone = self._dead()
        if self._life is not None:
            self._life.close()
            self._life = None
        record.killed_at = next((what for _, word, what in record.notes() if word == "killed"), "")
        if record.killed_at:
            self.outcome.kills.append(record.killed_at)
        elif alone:
            self._violate("died by itself", (self._folder / "log").read_text()[-2000:])
        elif record.boundary:
            self.outcome.missed.append(record.boundary)

    def _violate(self, kind: str, detail: str) -> None:
        after = self.outcome.kills[-1] if self.outcome.kills else "no kill yet"
        self.outcome.violations.append(Violation(kind, detail, after))

    # --- what is demanded ------------------------------------------------------------------------

    def _converge(self) -> bool:
        """Wait until all is as it should be; False if the daemon died before."""
        begun_s = time.monotonic()
        while not self._dead():
            wrong = self._wrong()
            if not wrong:
                self.outcome.repair_s.append(time.monotonic() - begun_s)
                return True
            if time.monotonic() > begun_s + self._patience_s:
                kind = "wrong holder" if wrong.startswith("holder") else "role lost"
                self._violate(kind, f"after {self._said[-4:]}: {wrong}")
                return True
            if self._life is not None:
                self._life.ended(0.01)
        return False

    def _wrong(self) -> str:
        """Say what is not as it should be."""
        try:
            status = ask(str(self._folder / "run" / "control.sock"), {"command": "status"}, 5.0)
        except (NotRunning, ControlError) as error:
            return str(error)
        role = status["roles"][0]
        expected = self._last().state
        allowed = {expected, "UNKNOWN"} if self._lost and self._bus is None else {expected}
        if role["role"] not in allowed or status["fifo"] != "open":
            return f"role {role['role']} instead of {expected}: {json.dumps(status)}"
        if self._lost and role["role"] != expected:
            return ""
        return self._wrong_holder(role) if expected == "MASTER" else ""

    def _wrong_holder(self, role: dict[str, list[dict[str, str]]]) -> str:
        stage = role["addresses"][0]["stage"]
        holder = self._cloud.holder(self._web)
        if holder == self._server and stage == "held":
            return ""
        return f"holder {holder} instead of {self._server}: {json.dumps(role)}"

    def _check_state_file(self) -> None:
        loaded = StateFile(self._folder / "state" / "state.json").load()
        if loaded.problem:
            self._violate("state file unreadable", loaded.problem)

    def _judge(self) -> None:
        judge = Judge(self._cloud, self._web, self._server, self._said, self._lives)
        verdict = judge.verdict()
        for kind, found in (
            ("forbidden assign", verdict.forbidden),
            ("needless assign", verdict.needless),
            ("complaint", complaints(self._folder / "log")),
            ("rule", self._broken_rules()),
        ):
            for detail in found:
                self._violate(kind, detail)
        self.outcome.in_flight = verdict.in_flight
        self.outcome.assigns = len(self._cloud.assigns())
        self.outcome.lines = len(self._said)

    def _broken_rules(self) -> list[str]:
        servers = {life.client: self._server for life in self._lives}
        return broken_rules(self._cloud, servers, TIMEOUT_S)


def _line(state: str, priority: int) -> bytes:
    return f'INSTANCE "{NAME}" {state} {priority}\n'.encode()


__all__ = ["BOUNDARIES", "Outcome", "Story", "Violation"]
