"""Try a set-up: what happens, and what does `hakeeper check --online` say about it?"""

import contextlib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from hakeeper.demo.cloud import SimCloud
from tests.corpus.server import environment_of
from tests.corpus.servers import CREDENTIALS, HAKEEPER, PATIENCE_S, Pair
from tests.corpus.setup import SetUp
from tests.corpus.truth import Truth, judge


@dataclass(kw_only=True)
class Outcome:
    """All that came of one set-up."""

    name: str
    about: str
    now: Truth
    after: Truth
    checks: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By user: what the check has printed."""

    def to_json(self) -> str:
        """Return it as text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read such a text."""
        data = json.loads(text)
        for key in ("now", "after"):
            data[key] = Truth(**data[key])
        return cls(**data)


def try_out(setup: SetUp) -> Outcome:
    """Try a set-up in a world of its own."""
    with contextlib.ExitStack() as stack:
        return run(Pair(setup, stack.enter_context(SimCloud()), stack))


def run(pair: Pair) -> Outcome:
    """Go through all of it: start, change, judge, check, and start anew where that may differ."""
    setup = pair.setup
    pair.start_daemon()
    pair.start()
    if setup.later is not None:
        setup.later(pair.server)
    if setup.is_hakeeper_restarted:
        pair.start_again()
    now = judge(pair)
    checks = check(pair)
    after = now
    if setup.later is not None or setup.again:
        pair.stop()
        pair.start()
        after = judge(pair)
    return Outcome(name=setup.name, about=setup.about, now=now, after=after, checks=checks)


def check(pair: Pair) -> dict[str, dict[str, Any]]:
    """Run the check as root, and perhaps as the service's user at the same time."""
    argv = [*HAKEEPER, "check", "--online", "--json"]
    users: dict[str, tuple[list[str], Mapping[str, str]]] = {"root": (argv, {})}
    if pair.setup.as_service:
        credentials = {"CREDENTIALS_DIRECTORY": CREDENTIALS}
        users["service"] = (pair.server.as_service(argv), credentials)
    running = {
        user: subprocess.Popen(
            pair.server.inside(command),
            env=environment_of(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
        )
        for user, (command, environment) in users.items()
    }
    told = {}
    for user, process in running.items():
        out, err = process.communicate(timeout=PATIENCE_S)
        told[user] = {"code": process.returncode, "stderr": err, **_parsed(out)}
    return told


def _parsed(text: str) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        found = json.loads(text)
        if isinstance(found, dict):
            return found
    return {"unparsed": text}
