"""What somebody reads who sets hakeeper up: no cure may be untrue, or do harm on the way."""

from dataclasses import replace

from hakeeper.doctor.examination import judge
from hakeeper.doctor.facts import DaemonFacts, DaemonProblem, GuardedFile
from hakeeper.doctor.finding import Finding, Passed
from hakeeper.doctor.keepalived_facts import ConfigTest, ConfUnreadable, Held
from tests.support.server_facts import CONF_PATH, Case, file, folder

RUNNING = "/etc/keepalived/running.conf"
NO_VIP = ConfigTest(code=5, remarks=("(VI_1) No VIP specified; at least one is sensible",))
AUTH = ConfigTest(code=5, remarks=("(Line 19) Truncating auth_pass to 8 characters",))
VIP = "    virtual_ipaddress {\n        203.0.113.10/32 dev eth0\n    }\n"


def finding(case: Case, check: str, words: str) -> Finding:
    [found] = [one for name, one in case.findings() if name == check and words in one.what]
    return found


def passed(case: Case, check: str) -> list[str]:
    said = judge(case.facts()).results
    return [one.text for name, one in said if name == check and isinstance(one, Passed)]


def as_in_the_tutorial() -> Case:
    """Its keepalived.conf names no virtual address: the address stands on both servers."""
    case = Case().with_conf("    reload_check_config\n", "").with_conf("    version 3\n", "")
    return case.with_conf(VIP, "").here("10.0.0.2", "203.0.113.10").with_keepalived(test=NO_VIP)


def test_a_file_that_is_not_in_force_is_to_be_put_there() -> None:
    case = Case().with_keepalived(held=Held.NONE, roles=None, roles_reason="no bus")
    other = case.with_keepalived(in_force=RUNNING)
    put = f"mv {CONF_PATH} {RUNNING} && systemctl reload keepalived"

    for check, words in (("FIFO reader", "does not have"), ("role", "does not answer")):
        assert finding(case, check, words).cure.startswith("systemctl ")
        assert finding(other, check, words).cure.startswith(put)
    assert f"it has not read {CONF_PATH}" in finding(other, "FIFO reader", "").why
    assert f"it has not read {CONF_PATH}" in finding(other, "role", "").what


def test_the_file_in_force_is_not_to_be_moved_to_itself() -> None:
    case = Case().with_keepalived(held=Held.NONE, in_force=CONF_PATH)

    assert "mv " not in finding(case, "FIFO reader", "").cure


def test_no_virtual_address_is_required_for_a_permanent_address() -> None:
    here = as_in_the_tutorial()
    there = here.here("10.0.0.2")

    assert finding(here, "keepalived.conf", "No VIP").cure.startswith(
        "leave it as it is, without `reload_check"
    )
    assert finding(here, "settings", "`reload_check_config`").cure.startswith("do not add it")
    assert finding(there, "keepalived.conf", "No VIP").cure.startswith("virtual_ipaddress {")
    assert finding(there, "settings", "`reload_check_config`").cure.startswith("first fix")


def test_one_address_of_two_for_good_is_not_enough() -> None:
    case = as_in_the_tutorial().with_yaml("[web]", "[web, 203.0.113.11]")

    assert finding(case, "keepalived.conf", "No VIP").cure.startswith("virtual_ipaddress {")


def test_a_password_is_cut_and_not_replaced() -> None:
    case = Case().with_conf("    reload_check_config\n", "").with_keepalived(test=AUTH)
    cure = finding(case, "keepalived.conf", "auth_pass").cure

    assert "the first 8 characters" in cure
    assert "makes both MASTER" in cure


def test_a_file_that_is_missing_is_to_be_written_and_not_called_safe() -> None:
    ways = (folder("/"), folder("/etc"), folder("/etc/keepalived"))
    there = GuardedFile(name="hakeeper.yaml", harm="x", components=(*ways, file("/etc/a")))
    missing = GuardedFile(name="keepalived.conf", harm="x", components=ways)
    case = replace(Case(), conf=ConfUnreadable(CONF_PATH, "No such file"), guarded=(there, missing))
    found = finding(case, "keepalived.conf", "it cannot be read: No such file")

    assert "/usr/share/hakeeper/examples/keepalived" in found.cure
    assert str(found.place) == CONF_PATH
    assert passed(case, "access") == ["no other user may change hakeeper.yaml"]


def test_the_folder_of_a_missing_file_counts_all_the_same() -> None:
    open_to_all = folder("/etc/keepalived", mode=0o777)
    missing = GuardedFile(name="keepalived.conf", harm="x", components=(folder("/"), open_to_all))

    found = finding(replace(Case(), guarded=(missing,)), "access", "everybody")
    assert str(found.place) == "/etc/keepalived"


def test_the_daemons_problem_is_reported_once() -> None:
    problem = DaemonProblem(is_broken=True, text="tired: no sleep", code="x", cure="sleep")
    case = replace(Case(), daemon=DaemonFacts(is_running=True, problems=(problem,)))
    found = finding(case, "hakeeper", "tired: no sleep")

    assert "no sleep" not in found.why
    assert found.cure == "sleep"
