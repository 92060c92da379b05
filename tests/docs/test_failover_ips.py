"""What the page about failover IPs says of configuration, figures and codes is so."""

import re
from pathlib import Path

import pytest

from hakeeper.adapters.cures import REFUSALS, TROUBLES
from hakeeper.config import parse
from hakeeper.core.apis.budget import SHARE, Budget, Use
from hakeeper.kinds import FAILOVER_IPS
from hakeeper.kinds.apis import ROBOT

PAGE = Path(__file__).parents[2] / "docs" / "failover-ips.md"
TEXT = " ".join(PAGE.read_text().split())
CODES = re.findall(r"^\| `(\w+(?:\.\w+)?)` \|", PAGE.read_text(), re.MULTILINE)


def test_the_configuration_is_good() -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    refs = parse(text, "hakeeper.yaml").instances["VI_1"].resources["failover_ips"]
    assert ["203.0.113.7", "2001:db8:fa11::/64"] == [str(ref) for ref in refs]


def test_the_figures_of_what_robot_grants_are_those_of_the_code() -> None:
    assert ROBOT.steps_per_hour is not None
    reads = Budget(limit_per_hour=ROBOT.limit_per_hour)
    switches = Budget(limit_per_hour=ROBOT.steps_per_hour, kept_per_hour=ROBOT.steps_kept)
    gap_s = reads.reading_gap_s(1)
    assert f"once in {gap_s:.0f} s: {3600 / gap_s:.0f} an hour" in TEXT
    assert f"{int(switches.full)} at once, {ROBOT.steps_per_hour * SHARE:.0f} in any hour" in TEXT
    kept = round(ROBOT.steps_kept * SHARE)
    assert f"leave {kept} of those {ROBOT.steps_per_hour * SHARE:.0f}" in TEXT
    spent = 0
    while switches.allows(Use.CLAIM, 0.0):
        switches.spend(0.0)
        spent += 1
    assert kept <= switches.left(0.0) < kept + 1
    assert spent == int(switches.full - kept)


def test_the_waits_are_those_of_the_code() -> None:
    patience = ROBOT.patience
    assert patience.watch_s == 4 * 60.0
    assert patience.watch_interval_s == patience.least_interval_s == 60.0
    assert "for four minutes, at most once a minute" in TEXT
    assert patience.alarm_after_s == 2 * 60.0
    assert "BROKEN after two minutes" in TEXT
    assert patience.login_wait_s == 10 * 60.0
    assert "asks nothing of Robot for ten minutes" in TEXT
    assert patience.longest_wait_s == 5 * 60.0
    assert "at most five minutes" in TEXT


@pytest.mark.parametrize("code", CODES)
def test_each_code_is_one_that_there_is(code: str) -> None:
    known = {*TROUBLES, *REFUSALS, *FAILOVER_IPS.codes, "rate_limit_exceeded"}
    assert code in known
