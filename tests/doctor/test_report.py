"""How findings are told: to people, who read the end first, and to programs."""

from dataclasses import replace

from hakeeper.cli.check_online import as_json, as_text
from hakeeper.doctor.examination import judge
from tests.support.resources import fip
from tests.support.server_facts import WEB, YAML_PATH, Case, listed

BROKEN = (
    Case()
    .with_yaml("[web]", "[wep]")
    .with_conf("    reload_check_config\n", "")
    .with_conf("    enable_dbus\n", "")
)


def test_what_passed_comes_first_and_the_worst_last() -> None:
    warnings = ["file /etc/token: was it copied completely?"]
    text = as_text(judge(BROKEN.facts()), file_warnings=warnings)
    blocks = text.split("\n\n")

    assert all(
        line.startswith(("ok  ", "   ", "warning  file /etc/token"))
        for line in blocks[0].splitlines()
    )
    assert ["warning", "warning", "ERROR  "] == [block[:7] for block in blocks[1:-1]]
    assert "A failover to this server would NOT work (1 error, 2 warnings).\n" == blocks[-1]


def test_a_finding_is_wrapped_but_not_its_cure() -> None:
    names = [replace(WEB, id=fip(number), name=f"name-{number}") for number in range(20)]
    text = as_text(judge(BROKEN.with_api(listed=listed(*names)).facts()))
    block = text.split("\n\n")[-2]
    lines = block.splitlines()

    assert all(len(line) <= 80 for line in lines[:-1])
    assert lines[0].startswith(f"ERROR    floating IP: {YAML_PATH}:3: VI_1: the project of this")
    assert lines[1].startswith("         ")
    assert lines[-2].startswith("    why: ")
    assert lines[-1].startswith("    do:  ")
    assert "name-7 (203.0.113.10) and 12 more" in " ".join(block.split())
    assert "name-8" not in block


def test_a_comment_behind_a_cure_goes_to_the_next_line_where_there_is_no_room() -> None:
    lines = as_text(judge(Case().with_conf("    enable_dbus\n", "").facts())).splitlines()
    at = lines.index("    do:  enable_dbus")

    assert (
        "         # in global_defs of keepalived.conf; then: systemctl reload keepalived"
        == (lines[at + 1])
    )


def test_as_values_nothing_is_left_out() -> None:
    told = as_json(judge(BROKEN.facts()))
    findings, passed = told["findings"], told["passed"]

    assert told["ready"] is False
    assert isinstance(findings, list)
    assert isinstance(passed, list)
    assert {"severity", "check", "when", "file", "line", "what", "why", "cure"} == set(findings[0])
    assert [("error", YAML_PATH, 3)] == [
        (each["severity"], each["file"], each["line"])
        for each in findings
        if each["check"] == "floating IP"
    ]
    assert {"check": "clock", "text": "within 1 s of the API's"} in passed
    nine = [replace(WEB, id=fip(number), name=f"name-{number}") for number in range(8)]
    told_all = as_text(judge(BROKEN.with_api(listed=listed(*nine)).facts()))
    assert "more" not in told_all.split("\n\n")[-2].split("why:")[0]
