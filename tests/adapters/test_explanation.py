"""What `hakeeper explain` says of what the core foretells."""

from dataclasses import replace
from typing import Any

import pytest

from hakeeper.adapters.explanation import WAIT_TEXTS, explained
from hakeeper.core.calls import Identify, Mutate, ReadActions, ReadAll, ReadOne, ReadServer, Request
from hakeeper.diagnosis.rehearsal import Asked, Rehearsal, rehearse
from hakeeper.diagnosis.waits import Wait, WaitFor
from hakeeper.kinds.floating_ip import resource
from tests.core.driver import WEB, instance, one_node
from tests.support.resources import step

WALL_S = 1_800_000_000.0


def document() -> dict[str, Any]:
    world, node = one_node()
    node.warm()
    world.run_for(60.0)
    told = rehearse(node.core, instance("VI_1"), world.now, 16)
    return explained(node.snapshot().roles[0], told, WALL_S)


def of_step(request: Request, *labels: str) -> dict[str, Any]:
    told = Rehearsal(
        vrrp=instance("VI_1"),
        waits=((),),
        steps=(Asked(0.5, request, labels),),
        ended_s=1.0,
        unconfirmed=("web",),
        why=((Wait(WaitFor.PAUSE, 30.0), Wait(WaitFor.TURN)),),
        left_out=0,
    )
    _, node = one_node()
    as_master: Any = explained(node.snapshot().roles[0], told, WALL_S)["as_master"]
    assert (False, ["pause", "turn"]) == (
        as_master["confirmed"],
        [wait["code"] for wait in as_master["unconfirmed"][0]["waits"]],
    )
    assert as_master["unconfirmed"][0]["waits"][0]["until"] == "2027-01-15T08:00:31Z"
    found: dict[str, Any] = as_master["steps"][0]
    return found


def test_every_wait_has_its_words() -> None:
    assert set(WaitFor) == WAIT_TEXTS.keys()


def test_the_journals_words_stand_beside_the_calls() -> None:
    steps = document()["as_master"]["steps"]
    assert ["role.changed", "claim.started", None, None, None, "address.claimed"] == [
        one.get("event") for one in steps
    ]
    assert steps[1]["text"].startswith("VI_1: assigning 203.0.113.10 to this server (keepalived")
    assert ["assign", "read_action", "read_holders"] == [
        one["call"] for one in steps if "call" in one
    ]


@pytest.mark.parametrize(
    ("request_", "text", "http"),
    [
        (Mutate(resource(WEB), step(WEB)), "assign web: this server has it then",
         [f'POST /floating_ips/{WEB}/actions/assign {{"server": 1}}']),
        (Mutate(resource(WEB), replace(step(WEB), holder=None)),
         "assign web: nobody has it until the next step",
         [f'POST /floating_ips/{WEB}/actions/assign {{"server": null}}']),
        (ReadAll("floating_ip"), "reading the holders", ["GET /floating_ips"]),
        (ReadAll("alias_ip"), "reading the holders", ["GET /networks", "GET /servers"]),
        (ReadOne(resource(WEB)), "reading the holders", [f"GET /floating_ips/{WEB}"]),
        (ReadActions("cloud", (7,)), "reading an action", []),
        (ReadServer("cloud", 7), "reading a server", []),
        (Identify("cloud"), "asking which server this is", []),
    ],
    ids=str,
)  # fmt: skip
def test_a_call_is_told_in_words_and_as_http_has_it(
    request_: Request, text: str, http: list[str]
) -> None:
    told = of_step(request_, "web")
    assert (text, http, 0.5) == (told["text"], told["http"], told["after_s"])
