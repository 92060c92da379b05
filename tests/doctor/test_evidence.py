"""What keepalived shows decides; the check's own reading of the file explains."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from hakeeper.adapters.cures import TROUBLES
from hakeeper.cli.check_online import as_json, as_text
from hakeeper.core.model import Role, VrrpId, VrrpKind
from hakeeper.doctor.checks.config_test import OTHER, REMARK_KINDS, kind_for, parse_remarks
from hakeeper.doctor.checks.daemon import EXPLAINED_BY
from hakeeper.doctor.examination import judge
from hakeeper.doctor.facts import DaemonFacts, DaemonProblem
from hakeeper.doctor.finding import Finding
from hakeeper.doctor.keepalived_facts import (
    ConfigTest,
    ConfUnreadable,
    Held,
    KeepalivedsReading,
    OtherReader,
)
from tests.support.server_facts import CONF_PATH, Case

Spoil = Callable[[Case], Case]
FIFO_LINE = "    vrrp_notify_fifo /run/hakeeper/notify.fifo hakeeper hakeeper\n"
VI_1 = VrrpId(VrrpKind.INSTANCE, "VI_1")
AUTH = ConfigTest(code=5, remarks=("(Line 19) Truncating auth_pass to 8 characters",))
NO_INTERFACE = ConfigTest(
    code=5,
    remarks=(
        "(Line 13) WARNING - interface ens10 for vrrp_instance VI_1 doesn't exist",
        "Non-existent interface specified in configuration",
    ),
)
DENIED = ConfUnreadable(CONF_PATH, "Permission denied", is_denied=True)


def tolerant(case: Case) -> Case:
    """One whose keepalived goes on with what it remarks on."""
    return case.with_conf("    reload_check_config\n", "")


def nothing_runs(case: Case) -> Case:
    return case.with_keepalived(
        pid=None, child_pid=None, held=Held.UNKNOWN, roles=None, roles_reason="no"
    )


VERDICTS: list[tuple[str, Spoil, bool, bool]] = [
    # name, how to spoil it, ready now, ready after the next start
    ("all is well", lambda c: c, True, True),
    ("keepalived does not run", nothing_runs, False, True),
    ("it does not run, and could not", lambda c: nothing_runs(c).with_keepalived(test=AUTH),
        False, False),
    ("a remark with reload_check_config", lambda c: c.with_keepalived(test=AUTH), True, False),
    ("a remark without", lambda c: tolerant(c).with_keepalived(test=AUTH), True, True),
    ("a remark that ends it without", lambda c: tolerant(c).with_keepalived(test=NO_INTERFACE),
        True, False),
    ("an unused script with reload_check_config", lambda c: c.with_conf(
        "    track_script {\n        nginx\n    }\n", ""), True, False),
    ("a test that dies", lambda c: tolerant(c).with_keepalived(test=ConfigTest(died_of="SIGSEGV")),
        True, False),
    ("a test that was not to be had", lambda c: c.with_keepalived(test=None), True, True),
    ("the line is gone from the file alone", lambda c: c.with_conf(FIFO_LINE, ""), True, False),
    ("the line is gone, and keepalived has read that", lambda c: c.with_conf(FIFO_LINE, "")
        .with_keepalived(held=Held.NONE), False, False),
    ("the line is new, and keepalived has not read it", lambda c: c.with_keepalived(
        held=Held.NONE), False, True),
    ("the FIFO was made anew", lambda c: c.with_keepalived(held=Held.ANOTHER), False, True),
    ("the reader finds no line, and keepalived holds the FIFO", lambda c: replace(
        c.with_conf(FIFO_LINE, ""), can_be_asked=False), True, True),
    ("the instance is renamed in the file alone", lambda c: c.with_conf(
        "vrrp_instance VI_1", "vrrp_instance VI_9"), True, False),
    ("the reader finds no instance, and keepalived runs it", lambda c: replace(c.with_conf(
        "vrrp_instance VI_1", "vrrp_instance VI_9"), can_be_asked=False), True, True),
    ("... nor does anything that runs", lambda c: replace(nothing_runs(c.with_conf(
        "vrrp_instance VI_1", "vrrp_instance VI_9")), can_be_asked=False), False, False),
    ("the instance is new in the file", lambda c: c.with_keepalived(roles={"VI_0": Role.BACKUP}),
        False, True),
    ("no D-Bus, but lines told the daemon of it", lambda c: replace(c.with_conf(
        "vrrp_instance VI_1", "vrrp_instance VI_9"), can_be_asked=False, daemon=DaemonFacts(
        is_running=True, roles={VI_1: "backup"})).with_keepalived(roles=None), True, True),
    ("the file may not be read, and all is seen to work", lambda c: replace(c, conf=DENIED),
        True, True),
    ("the file may not be read, and nothing is seen", lambda c: nothing_runs(replace(
        c, conf=DENIED)), False, False),
    ("a group that does not exist, where the old line holds", lambda c: c.with_conf(
        "hakeeper hakeeper", "hakeeper hakeepr"), True, False),
    ("a group that does not exist, and keepalived has dropped the FIFO", lambda c: c.with_conf(
        "hakeeper hakeeper", "hakeeper hakeepr").with_keepalived(held=Held.NONE), False, False),
    ("a new script line that nobody has started yet", lambda c: c.with_conf(FIFO_LINE,
        f"{FIFO_LINE}    vrrp_notify_fifo_script /x\n"), True, False),
    ("a script reads", lambda c: c.with_keepalived(other_readers=(OtherReader(pid=9, command="sh",
        is_script=True),)), False, True),
    ("the interface is renamed in the file alone", lambda c: c.with_conf(
        "interface enp7s0", "interface ens10"), True, False),
    ("another program reads", lambda c: c.with_keepalived(other_readers=(OtherReader(pid=9,
        command="cat", is_script=False),)), False, False),
    ("an address that keepalived leaves out", lambda c: tolerant(c).with_keepalived(
        test=ConfigTest(code=5, remarks=("(VI_1): address family must match VRRP instance",))),
        False, False),
    ("the file is gone", lambda c: replace(c, conf=ConfUnreadable(CONF_PATH, "none")), True, False),
    ("only the lines tell of it", lambda c: replace(c.with_keepalived(pid=None, roles=None,
        held=Held.UNKNOWN).with_machine(is_root=False), daemon=DaemonFacts(is_running=True,
        roles={VI_1: "backup"}, problems=(DaemonProblem(is_broken=False, text="x",
        code="keepalived.unseen"),))), True, True),
    ("only old lines told of it", lambda c: replace(c.with_keepalived(pid=None, roles=None,
        held=Held.UNKNOWN).with_machine(is_root=False), daemon=DaemonFacts(is_running=True,
        roles={VI_1: "stopped"}, problems=(DaemonProblem(is_broken=False, text="x",
        code="keepalived.unseen"),))), False, True),
    ("root does not see what is heard", lambda c: replace(c.with_keepalived(pid=None, roles=None,
        held=Held.UNKNOWN), daemon=DaemonFacts(is_running=True, roles={VI_1: "master"}, problems=(
        DaemonProblem(is_broken=False, text="x", code="keepalived.unseen"),))), False, True),
    ("no VRRP at all", lambda c: c.with_keepalived(has_vrrp=False), False, False),
    ("it ended with this very file", lambda c: nothing_runs(c).with_keepalived(
        last_failure="exit code 2"), False, False),
    ("the line is gone, and the daemon still hears it", lambda c: c.with_conf(FIFO_LINE, "")
        .with_keepalived(held=Held.UNKNOWN), True, False),
    ("the line is gone, and the daemon hears nothing", lambda c: replace(c.with_conf(FIFO_LINE, "")
        .with_keepalived(held=Held.UNKNOWN), daemon=DaemonFacts(is_running=True, problems=(
        DaemonProblem(is_broken=False, text="x", code="fifo.no_writer"),))), False, False),
    ("the FIFO was made anew, and both are read", lambda c: replace(c.with_keepalived(
        held=Held.ANOTHER, reads_replaced_fifo=True), daemon=DaemonFacts(is_running=True, problems=(
        DaemonProblem(is_broken=False, text="x", code="fifo.no_writer"),))), True, True),
    ("a virtual_server, and no IPVS", lambda c: replace(c.with_keepalived(has_ipvs=False),
        conf=f"{c.conf}virtual_server 203.0.113.10 443 {{\n}}\n"), True, False),
    ("a virtual_server, no IPVS, no checkers", lambda c: replace(c.with_keepalived(has_ipvs=False,
        has_checkers=False), conf=f"{c.conf}virtual_server 203.0.113.10 443 {{\n}}\n"),
        True, True),
    ("two with one number", lambda c: tolerant(c).with_keepalived(test=ConfigTest(code=5,
        remarks=("(VI_1) duplicate VRID conflict with VI_2 VRID 60",))), True, False),
    ("the VIP has vanished", lambda c: c.with_keepalived(roles={"VI_1": Role.MASTER}), False, True),
    ("FAULT, and nothing explains it", lambda c: c.with_conf(
        "    track_script {\n        nginx\n    }\n", "").with_conf("    reload_check_config\n", "")
        .with_keepalived(roles={"VI_1": Role.FAULT}), False, True),
    ("FAULT, with its interface down", lambda c: c.with_conf(
        "    track_script {\n        nginx\n    }\n", "").with_conf("    reload_check_config\n", "")
        .with_machine(down=frozenset(("enp7s0",))).with_keepalived(roles={"VI_1": Role.FAULT}),
        False, False),
    ("FAULT", lambda c: c.with_keepalived(roles={"VI_1": Role.FAULT}), False, False),
    ("the pid file is elsewhere", lambda c: c.with_keepalived(pid=None, strays=(7,)), True, True),
]  # fmt: skip


@pytest.mark.parametrize("row", VERDICTS, ids=[row[0] for row in VERDICTS])
def test_now_and_after_the_next_start_are_distinguished(row: tuple[str, Spoil, bool, bool]) -> None:
    _, spoil, now, later = row
    report = judge(spoil(Case()).facts())
    told = as_json(report)

    assert (now, later) == (report.is_ready_now, report.is_ready_after_restart), report.results
    assert (now and later, now, later) == (
        told["ready"],
        told["ready_now"],
        told["ready_after_restart"],
    )


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("all is well", "A failover to this server would work (0 errors, 0 warnings).\n"),
        ("FAULT", "A failover to this server would NOT work (1 error, 0 warnings).\n"),
        (
            "the FIFO was made anew",
            (
                "A failover to this server would NOT work now.\n"
                "After keepalived's next start or reload it would work (1 error, 0 warnings).\n"
            ),
        ),
        (
            "a remark with reload_check_config",
            (
                "A failover to this server would work now.\n"
                "After keepalived's next start or reload it would NOT work (1 error, 0 warnings).\n"
            ),
        ),
        (
            "keepalived does not run",
            (
                "keepalived does not run: no failover to this server.\n"
                "After its start a failover would work (1 error, 0 warnings).\n"
            ),
        ),
    ],
)
def test_two_sentences_where_they_differ(name: str, verdict: str) -> None:
    spoil = next(row[1] for row in VERDICTS if row[0] == name)

    assert as_text(judge(spoil(Case()).facts())).endswith(f"\n\n{verdict}")


@pytest.mark.parametrize("row", VERDICTS, ids=[row[0] for row in VERDICTS])
def test_what_this_check_cannot_read_is_never_an_error(
    row: tuple[str, Spoil, bool, bool],
) -> None:
    for _, one in row[1](Case()).findings():
        assert one.severity.value == "warning" or not one.what.startswith("not checked")


def test_one_cause_is_one_finding() -> None:
    lost = Case().with_conf(FIFO_LINE, "").with_keepalived(held=Held.NONE)
    silent = tolerant(Case().with_conf("    enable_dbus\n", "")).with_keepalived(
        roles=None, roles_reason="no"
    )
    renamed = Case().with_conf("vrrp_instance VI_1", "vrrp_instance VI_9")
    renamed = renamed.with_keepalived(roles={"VI_9": Role.BACKUP})

    assert ["FIFO line"] == [name for name, _ in lost.findings()]
    assert ["settings", "settings"] == [name for name, _ in silent.findings()]
    assert ["instance"] == [name for name, _ in renamed.findings()]


def test_what_keepalived_cannot_read_as_this_user_is_not_missing() -> None:
    """Asked by who may not read an included file, it cannot tell what stands there."""
    hidden = Case().with_conf("vrrp_instance VI_1", "include x.conf\nvrrp_instance VI_9")
    hidden = hidden.with_conf(FIFO_LINE, "")
    reading = KeepalivedsReading(asked=frozenset((VI_1,)))
    hidden = hidden.with_keepalived(reading=reading, held=Held.UNKNOWN)
    by_another = hidden.with_machine(is_root=False)

    assert {"warning"} == {one.severity.value for _, one in by_another.findings()}
    assert not judge(hidden.facts()).is_ready_after_restart


# --- the daemon's own problems ------------------------------------------------------------------


def problems(*codes: str, is_broken: bool = True) -> DaemonFacts:
    return DaemonFacts(
        is_running=True,
        problems=tuple(DaemonProblem(is_broken=is_broken, text=one, code=one) for one in codes),
    )


def of_the_daemon(case: Case) -> list[str]:
    return [one.what for name, one in case.findings() if name == "hakeeper"]


def test_every_code_that_a_finding_may_explain_is_one_of_the_daemon() -> None:
    assert EXPLAINED_BY.keys() <= TROUBLES.keys()


@pytest.mark.parametrize(
    ("code", "spoil"),
    [
        ("fifo.no_writer", lambda c: c.with_keepalived(held=Held.ANOTHER)),
        ("keepalived.gone", nothing_runs),
        ("role.unknown", nothing_runs),
        ("role.fault", lambda c: c.with_keepalived(roles={"VI_1": Role.FAULT})),
        ("vrrp_address.missing", lambda c: c.here()),
    ],
)
def test_a_problem_of_the_daemon_is_reported_once_with_its_cause(code: str, spoil: Spoil) -> None:
    unexplained = replace(Case(), daemon=problems(code)).with_keepalived(held=Held.UNKNOWN)
    explained = spoil(unexplained)

    assert [f"the daemon reports: {code}"] == of_the_daemon(unexplained)
    assert [] == of_the_daemon(explained)
    assert not judge(explained.facts()).is_ready


def test_open_descriptors_outweigh_an_older_report_of_the_daemon() -> None:
    case = replace(Case(), daemon=problems("fifo.no_writer"))

    assert [] == of_the_daemon(case.with_keepalived(held=Held.OURS))
    assert judge(case.with_keepalived(held=Held.OURS).facts()).is_ready


@pytest.mark.parametrize(
    ("code", "is_ready"), [("fifo.no_writer", False), ("address.left_here", True)]
)
def test_the_daemons_report_decides_if_this_user_sees_nothing(code: str, *, is_ready: bool) -> None:
    case = Case().with_keepalived(held=Held.UNKNOWN).with_machine(is_root=False)
    report = judge(replace(case, daemon=problems(code, is_broken=False)).facts())

    assert (is_ready, True) == (report.is_ready_now, report.is_ready_after_restart)


@pytest.mark.parametrize(
    ("code", "is_mended"),
    [("address.held_down", False), ("api.refused", False), ("fifo.busy", True)],
)
def test_the_next_start_of_keepalived_fixes_only_problems_between_it_and_hakeeper(
    code: str, *, is_mended: bool
) -> None:
    report = judge(replace(Case(), daemon=problems(code)).facts())

    assert (False, is_mended) == (report.is_ready_now, report.is_ready_after_restart)


def test_a_finding_about_something_else_explains_nothing() -> None:
    case = replace(Case().here(), daemon=problems("role.fault"))

    assert ["the daemon reports: role.fault"] == of_the_daemon(case)


def test_a_mere_warning_does_not_explain_what_is_broken() -> None:
    case = Case().with_keepalived(pid=None, strays=(7,))

    assert ["the daemon reports: keepalived.unseen"] == of_the_daemon(
        replace(case, daemon=problems("keepalived.unseen"))
    )
    assert [] == of_the_daemon(replace(case, daemon=problems("keepalived.unseen", is_broken=False)))


def test_it_is_called_content_only_where_there_is_no_error() -> None:
    def last(case: Case) -> str:
        said = judge(case.facts()).results[-1][1]
        return "" if isinstance(said, Finding) else said.text

    assert "runs, without problems" == last(Case())
    assert "runs" == last(Case().with_keepalived(roles={"VI_1": Role.FAULT}))


# --- remarks ------------------------------------------------------------------------------------


def test_remarks_about_one_line_are_merged_and_consequences_dropped() -> None:
    said = (
        "(Line 7) Unknown keyword 'nonsense'",
        "(Line 7) Unexpected '{' - ignoring",
        "(Line 9) Unknown keyword '}'",
        f"({CONF_PATH}: Line 7) Unknown keyword 'nonsense'",
        "(VI_1) No VIP specified; at least one is sensible",
        *NO_INTERFACE.remarks,
    )
    found = [(str(one.place), one.text) for one in parse_remarks(said, CONF_PATH)]

    assert [
        (f"{CONF_PATH}:7", "Unknown keyword 'nonsense'"),
        (CONF_PATH, "(VI_1) No VIP specified; at least one is sensible"),
        (f"{CONF_PATH}:13", "WARNING - interface ens10 for vrrp_instance VI_1 doesn't exist"),
    ] == found


def test_the_gravest_remark_is_shown_of_one_line_and_of_many() -> None:
    ends = "(VI_1) the virtual router id must be set"
    said = (
        "(Line 8) number '300' outside range [1, 255]",
        "(Line 8) (VI_1): VRID '300' not valid - must be between 1 & 255",
        "(Line 9) number '300' outside range [1, 255]",
        "(Line 9) (VI_1) Priority not valid! must be between 1 & 255. Using default 100",
        *(f"(Line {line}) Unknown keyword 'x'" for line in range(10, 50)),
        "(Line 60) Specifying lvs_sync_daemon_interface against a vrrp is deprecated.",
        "(Line 60) *** Configuration line starting `x` is missing a parameter",
        ends,
    )
    case = tolerant(Case()).with_keepalived(test=ConfigTest(code=5, remarks=said))
    found = [one for _, one in case.findings() if "keepalived says" in one.what]
    errors = [one.what for one in found if one.severity.value == "error"]

    assert "Priority not valid!" in found[0].what
    assert "VRID '300' not valid" in parse_remarks(said, CONF_PATH)[0].text
    assert [
        "keepalived says: *** Configuration line starting `x` is missing a parameter",
        f"keepalived says: {ends}",
    ] == errors
    assert "(24 more)" in found[-1].what


def test_an_unknown_remark_has_a_cure_too() -> None:
    [one] = parse_remarks(("what is this?",), CONF_PATH)

    assert one.kind is OTHER
    assert f"keepalived --config-test -f {CONF_PATH}" in one.cure(CONF_PATH)
    assert all(kind.does for kind in REMARK_KINDS)
    assert kind_for("(VI_1) Unknown interface!").ends
    newer = "Sync group G has no members - removing"  # 2.3.3 and 2.3.4
    assert kind_for(newer) is kind_for("Sync group G has no virtual router(s). removing")


def test_reload_check_config_is_not_advised_for_a_file_with_remarks() -> None:
    [clean] = [e for _, e in tolerant(Case()).findings() if "reload_check_config" in e.what]
    case = tolerant(Case()).with_keepalived(test=AUTH)
    [with_remarks] = [e for _, e in case.findings() if "`reload_check_config`" in e.what]

    assert clean.cure.startswith("reload_check_config ")
    assert "would not start" in with_remarks.cure


@pytest.mark.parametrize("is_secure", [True, False])
def test_the_service_run_hides_no_word_of_scripts(*, is_secure: bool) -> None:
    case = Case() if is_secure else Case().with_conf("    enable_script_security\n", "")
    told = ConfigTest(code=6, by_root=False, remarks=("SECURITY VIOLATION - scripts are run",))
    only_for_it = ConfigTest(
        code=5, by_root=False, remarks=("Disabling track script nginx due to insecure",)
    )
    hidden = ConfigTest(by_root=False)

    for test, severity in (
        (told, "error"),
        (only_for_it, "warning" if is_secure else "error"),
        (hidden, "" if is_secure else "error"),
    ):
        found = case.with_keepalived(test=test).findings()
        assert ([severity] if severity else []) == [one.severity.value for _, one in found], found


def test_keepaliveds_own_reading_is_believed_before_ours() -> None:
    other = KeepalivedsReading(fifo="/run/other", asked=frozenset((VI_1,)))
    found = [one.what for _, one in Case().with_keepalived(reading=other).findings()]

    assert [
        "keepalived.conf has no vrrp_instance VI_1; it has: none",
        "keepalived itself reads another FIFO line first, for /run/other",
    ] == found


@pytest.mark.parametrize(
    ("spoil", "is_ready", "sentences"),
    [
        (lambda c: c.with_keepalived(held=Held.NONE), True, ("NOT work now", "it would work")),
        (lambda c: c.with_conf(FIFO_LINE, ""), False, ("would work now", "it would NOT work")),
        (lambda c: c, True, ("would work now", "it would work")),
    ],
)
def test_with_a_file_that_is_not_in_force_the_question_is_of_later(
    spoil: Spoil, *, is_ready: bool, sentences: tuple[str, str]
) -> None:
    report = judge(spoil(Case()).with_keepalived(is_in_force=False).facts())
    now, later = as_text(report).splitlines()[-2:]

    assert (is_ready, False) == (report.is_ready, as_json(report)["in_force"])
    assert sentences[0] in now
    assert sentences[1] in later


def test_a_user_other_than_root_learns_what_was_not_checked() -> None:
    text = as_text(judge(Case().with_machine(is_root=False).facts()))
    hidden = "Not checked, only root can: other readers of /run/hakeeper/notify.fifo."

    assert hidden == text.splitlines()[-1]
    assert "Not checked" not in as_text(judge(Case().facts()))


def test_one_line_that_is_left_out_is_one_finding() -> None:
    case = replace(Case(), conf='include "all.conf"\nglobal_defs {\n    router_id a\n}\n')
    findings = [one for _, one in case.findings() if one.place is not None]
    at_line_1 = [one for one in findings if one.place and one.place.line == 1]

    assert ["error"] == [one.severity.value for one in at_line_1]
    assert {"include all.conf"} == {one.cure for one in at_line_1}
