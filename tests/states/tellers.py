"""All that tells of a state, held against its row of the table and against one another."""

import itertools
import json
import re
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from hakeeper.adapters.times import clock
from hakeeper.cli.status import lines
from hakeeper.diagnosis.problems import Health
from hakeeper.printable import cure_lines
from tests.states.scene import Scene
from tests.states.state import NOT_RUNNING, OK, State, words_of
from tests.support.waiting import eventually

COLUMNS: Final = 80
STATUS_BYTES: Final = 512
PATIENCE_S: Final = 60.0
_TIME = re.compile(r"(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d")
_AGE = re.compile(r"\d+ (?:s|min|h|d)\b")
_LEFT = re.compile(r"\b\d+ of(?= \d+ API calls)")
_EVENTS = {Health.DEGRADED: "status.degraded", Health.BROKEN: "status.broken"}


def timeless(text: str) -> str:
    """Undo the wrapping, and take out what changes while one looks."""
    flat = _LEFT.sub("<left> of", " ".join(text.split()))
    return _AGE.sub("<age>", _TIME.sub("<time>", flat))


def first_of(document: Mapping[str, Any]) -> tuple[str, str]:
    """Return the verdict and the first trouble."""
    problems = document["problems"]
    return document["health"], problems[0]["code"] if problems else ""


class Picture:
    """What `hakeeper status` said in both forms while the state did not change."""

    def __init__(self, before: Mapping[str, Any], text: str, exit_codes: tuple[int, int]) -> None:
        self.document = before
        self.text = text
        self.exit_codes = exit_codes

    @property
    def problem(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document["problems"][0]
        return found


def take(state: State, scene: Scene) -> Picture:
    """Wait for the state, and show it in both forms at one and the same time."""
    wanted = (Health(state.exit_code).name.lower(), state.code)

    def here() -> Mapping[str, Any] | None:
        document = scene.status()
        if document is None or first_of(document) != wanted:
            return None
        address = document["roles"][0]["addresses"][0]
        met = all(
            expected is None or address[key] is expected
            for key, expected in (("confirmed", state.confirmed), ("holder_current", state.current))
        )
        return document if met and state.has.items() <= words_of(document).items() else None

    def unchanged() -> Picture | None:
        before = here()
        if before is None:
            return None
        if state.is_fleeting:
            return Picture(before, "\n".join(lines(before, time.time())), (state.exit_code,) * 2)
        code, text = scene.shown()
        code_of_json, document = scene.shown("--json")
        if here() is None or first_of(json.loads(document)) != wanted:
            return None
        return Picture(json.loads(document), text, (code, code_of_json))

    what = f"{wanted} with {state.confirmed=}, {state.current=}, {state.has}"
    try:
        found = eventually(unchanged, PATIENCE_S, what)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{scene.shown()[1]}") from error
    assert found is not None
    return found


def check_status(state: State, scene: Scene, picture: Picture) -> None:
    """Both forms of `hakeeper status` say what the table says."""
    assert (state.exit_code, state.exit_code) == picture.exit_codes
    wide = [line for line in picture.text.splitlines() if len(line) > COLUMNS]
    assert [] == [line for line in wide if " /tmp/" not in line], "paths of a test are long"
    shown = timeless(picture.text)
    assert timeless(state.filled(state.shows, scene)) in shown, shown
    if state.exit_code == OK:
        assert [] == picture.document["problems"]
        assert picture.text.startswith("OK  ")
        assert "do:" not in picture.text
        return
    problem = picture.problem
    assert state.filled(state.says, scene) in problem["what"]
    assert state.filled(state.cause, scene) in problem["cause"]
    assert state.cure(scene) == problem["cure"]
    since = _since(problem)
    assert (since is not None) is state.has_since
    assert since is None or f"(since {since})" in problem["text"]
    health = Health(state.exit_code).name
    shown_lines = picture.text.splitlines()
    assert shown_lines[0].startswith(f"{health}  ")
    assert shown_lines[2].startswith(f"  {health.lower():<9} ")
    assert timeless(f"{health.lower()} {problem['text']}") in shown
    first = list(itertools.takewhile(bool, shown_lines[2:]))
    way_out = cure_lines(problem["cure"], "    do:     ", COLUMNS)
    assert way_out == first[-len(way_out) :]


def _since(problem: Mapping[str, Any]) -> str | None:
    if problem["since"] is None:
        return None
    at_s = datetime.fromisoformat(problem["since"]).timestamp()
    return clock(at_s, datetime.now().astimezone().timestamp())


def check_systemd(state: State, scene: Scene, picture: Picture) -> None:
    """STATUS= has the trouble first, and what follows the time follows it there."""
    if state.exit_code == OK:
        eventually(lambda: scene.systemd.status.startswith("ok: "), PATIENCE_S)
    else:
        whole = f"{Health(state.exit_code).name}: {picture.problem['text']}"

        def told() -> bool:
            told = scene.systemd.told if state.is_fleeting else scene.systemd.told[-1:]
            return any(_begins(timeless(line), timeless(whole)) for line in told)

        eventually(told, PATIENCE_S, f"{whole}; told: {scene.systemd.told[-3:]}")
    assert [] == [line for line in scene.systemd.told if len(line.encode()) > STATUS_BYTES]


def _begins(said: str, whole: str) -> bool:
    """Say whether it begins with the whole, as far as there was room."""
    said = said.removesuffix("…")
    return said[: len(whole)] == whole[: len(said)]


def check_journal(state: State, scene: Scene, picture: Picture) -> None:
    """An entry tells of it, with the same words and the same way out."""
    if state.event:
        scene.logged(state.event, **state.event_fields)
        return
    if state.exit_code == OK:
        return
    entry = scene.logged(_EVENTS[Health(state.exit_code)], code=state.code)
    message = str(entry["message"])
    assert timeless(picture.problem["text"]) in timeless(message)
    assert message.endswith(f". To do: {picture.problem['cure']}")


def check_check(state: State, scene: Scene) -> None:
    """`hakeeper check --online` has the same way out, where it sees the trouble."""
    if state.check_says is None or state.exit_code == OK or state.is_fleeting:
        return
    said = scene.checked()
    wanted = state.filled(state.check_says, scene)
    found = [one for one in said if one["cure"] == state.cure(scene)]
    told = [f"{one['check']}: {one['what']} -> {one['cure']}" for one in said]
    assert any(wanted in one["what"] for one in found), "\n".join([state.cure(scene), *told])


def check_not_running(state: State, scene: Scene) -> None:
    """There is nobody to ask: both forms say so, with the way out."""
    code, text = scene.shown()
    assert code == NOT_RUNNING
    assert state.filled(state.says, scene) in " ".join(text.split())
    way_out = cure_lines(state.cure(scene), "    do:     ", COLUMNS)
    assert text.endswith("\n".join(["", *way_out, ""]))
    code, shown = scene.shown("--json")
    document = json.loads(shown)
    assert (code, document["health"]) == (NOT_RUNNING, "not running")
    assert (state.code, state.cure(scene)) == (document["code"], document["cure"])
    assert state.filled(state.says, scene) in document["error"]
    check_check(state, scene)
    if state.event:
        eventually(lambda: scene.it.logged(state.event), PATIENCE_S)
        eventually(lambda: scene.systemd.status == "stopped", PATIENCE_S)
