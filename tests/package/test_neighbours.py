"""What another, unprivileged user of the machine does to the service: nothing.

On machines that boot, with the installed package in its sandbox. Also what only they can show of
the pages: a drop-in that somebody copies from there.
"""

import json
import statistics

import pytest

from tests.package import floods
from tests.package.building import REPO
from tests.package.place import MEMBERS, NEIGHBOUR, PATIENCE_S, Place
from tests.support.waiting import eventually

pytestmark = pytest.mark.timeout(1200)
WATCHDOGS = 2.5
"""So many times as long as systemd waits for a beat some of the floods last."""
FLOODERS = 4
ROUNDS = 3
MORE_S = 0.5
"""What a flood may cost a failover."""
REFUSED = {"EACCES", "EPERM", "EROFS"}


def uptime_s(place: Place) -> float:
    return float(place.machine.says("cut -d' ' -f1 /proc/uptime"))


def failover_s(place: Place) -> float:
    """From keepalived's line to the assign at the cloud, as it is in the middle of three."""
    return statistics.median(place.fail_over() for _ in range(ROUNDS))


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("program", "count"),
    [
        pytest.param(floods.THE_QUEUE_OF_SYSTEMD, FLOODERS, id="the queue of systemd"),
        pytest.param(floods.THE_PLACES_OF_THE_SOCKET, 1, id="the places of the socket"),
        pytest.param(floods.QUESTIONS, FLOODERS, id="questions"),
    ],
)
def test_a_long_flood_neither_ends_the_service_nor_blinds_its_status(
    place: Place, program: str, count: int
) -> None:
    calm_s = failover_s(place)
    began_s = uptime_s(place)
    pid, restarts = place.shown("MainPID"), place.shown("NRestarts")
    with place.neighbours(program, count, MEMBERS):  # who may ask can do the most
        assert failover_s(place) < calm_s + MORE_S

        def is_over() -> bool:
            assert place.health() in {"degraded", "broken", "ok"}
            return uptime_s(place) > began_s + WATCHDOGS * 20

        eventually(is_over, PATIENCE_S)
        if program is not floods.THE_QUEUE_OF_SYSTEMD:  # else PID 1 itself is busy
            assert (pid, restarts) == (place.shown("MainPID"), place.shown("NRestarts"))
            place.machine.run("systemctl restart hakeeper")
            assert place.health() in {"degraded", "broken", "ok"}
            pid = place.shown("MainPID")
    # Only now: PID 1 may have had no time for a question.
    eventually(lambda: place.shown("MainPID").isdecimal(), PATIENCE_S, "PID 1 answers")
    assert (pid, restarts) == (place.shown("MainPID"), place.shown("NRestarts"))


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("program", "count"),
    [
        pytest.param(floods.THE_JOURNAL, FLOODERS, id="the journal"),
        pytest.param(floods.SYSLOG, FLOODERS, id="syslog"),
        pytest.param(floods.THE_BUS, FLOODERS, id="the bus"),
        pytest.param(floods.THE_PROCESSORS, 2 * FLOODERS, id="the processors"),
    ],
)
def test_a_flood_does_not_slow_down_a_failover(place: Place, program: str, count: int) -> None:
    calm_s = failover_s(place)
    pid, restarts = place.shown("MainPID"), place.shown("NRestarts")
    with place.neighbours(program, count):
        assert failover_s(place) < calm_s + MORE_S
        assert place.health() == "ok"
    assert (pid, restarts) == (place.shown("MainPID"), place.shown("NRestarts"))


def test_a_neighbour_reads_no_secret_and_nothing_follows_its_orders(place: Place) -> None:
    with place.recording() as recording:
        place.fail_over()
        pid = place.shown("MainPID")
        reloads, sent = place.told("config.reloaded"), len(place.cloud.assigns())
        program = (REPO / "tests/package/intruder.py").read_text()
        found = place.run_as(NEIGHBOUR, f"{program}\nmain({pid}, {place.token!r})\n")

        assert found["finds"], "it would find the token where it can read"
        assert found["held by"] == []
        assert "HAKEEPER_EVENT" not in found["journal"]
        assert set(found["process"].values()) <= REFUSED
        assert set(found["folders"].values()) <= REFUSED
        assert "/run/hakeeper/notify.fifo: rename" in found["folders"], "it has seen it"
        assert set(found["fifo"].values()) <= {*REFUSED, "EXDEV"}
        assert set(found["private"].values()) <= REFUSED
        assert len(found["private"]) == 8, "both are there"
        assert [order for order, code in found["orders"].items() if code == 0] == []
        assert set(found["commands"].values()) == {"EACCES"}
        # What root and the service have written does not have it either.
        assert place.token not in recording.read_text()
        everything = "journalctl --output=export; cat /var/lib/hakeeper/state.json"
        assert place.token not in place.machine.run(everything).stdout

        assert (reloads, sent) == (place.told("config.reloaded"), len(place.cloud.assigns()))
        assert (pid, "ok") == (place.shown("MainPID"), place.health())


_ASK = """
import json, subprocess
asked = {
    words: subprocess.run(["hakeeper", *words.split()], capture_output=True, text=True)
    for words in ("status --json", "probe", "reload", "pause")
}
print(json.dumps({words: [done.returncode, done.stdout] for words, done in asked.items()}))
"""


def test_members_of_the_group_may_look_and_not_act_and_strangers_neither(place: Place) -> None:
    paused, reloads = place.told("pause.begun"), place.told("config.reloaded")
    of_member, of_stranger = (place.run_as(NEIGHBOUR, _ASK, group) for group in (MEMBERS, ""))
    assert json.loads(of_member["status --json"][1])["health"] == "ok"
    assert of_member["probe"][1].startswith("HAKEEPER OK - ")
    codes = [{words: code for words, (code, _) in of.items()} for of in (of_member, of_stranger)]
    assert codes == [
        {"status --json": 0, "probe": 0, "reload": 77, "pause": 77},
        {"status --json": 77, "probe": 3, "reload": 77, "pause": 77},
    ]
    assert "members of the group hakeeper may" in of_stranger["probe"][1]
    assert "adduser uid 4000" not in of_stranger["probe"][1]
    assert (paused, reloads) == (place.told("pause.begun"), place.told("config.reloaded"))


def test_the_drop_in_of_the_page_on_recordings_records(place: Place) -> None:
    with place.recording():
        assert place.health() in {"degraded", "ok"}
        replay = "hakeeper replay /var/lib/hakeeper/recording.jsonl"
        place.machine.run(f"systemctl stop hakeeper; {replay}")
