"""The same seeds give the same worlds, whatever else differs; and a failing one is made small."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from hakeeper.simulate.measured import percentile
from hakeeper.simulate.plan import draw
from tests.world.__main__ import main
from tests.world.bugs import BUGS
from tests.world.judge import judged
from tests.world.many import Total, never_seen, run_seeds
from tests.world.shrink import fewest, shrink
from tests.world.stories import FOUND

SEEDS = range(12)
ROOT = Path(__file__).parents[2]


def digest_in_another_process(hash_seed: str) -> str:
    script = (
        "from tests.world.many import run_seeds;"
        f"print(run_seeds(range({SEEDS.start}, {SEEDS.stop}), 0.3).digest)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


@pytest.mark.parametrize("hash_seed", ["1", "2", "random"])
def test_the_same_seeds_have_the_same_digest_in_every_process(hash_seed: str) -> None:
    assert str(run_seeds(SEEDS, 0.3).digest) == digest_in_another_process(hash_seed)


def test_other_seeds_have_another_digest() -> None:
    assert run_seeds([1], 0.3).digest != run_seeds([2], 0.3).digest


def test_telling_the_story_changes_nothing() -> None:
    for seed in SEEDS:
        plain, told = judged(draw(seed, 0.3)), judged(draw(seed, 0.3), story=True)
        assert plain.digest == told.digest


def test_taking_a_fault_away_leaves_the_others_as_they_were() -> None:
    whole = next(plan for plan in map(draw, range(100)) if len(plan.faults) > 3)
    kept = {whole.faults[0].serial, whole.faults[2].serial}
    assert (whole.faults[0], whole.faults[2]) == whole.only(kept).faults


@pytest.mark.parametrize(
    ("needed", "items"), [({3, 17}, range(30)), ({0}, range(5)), (set(), range(9)), ({4}, [4])]
)
def test_shrinking_keeps_what_is_needed_and_nothing_else(
    needed: set[int], items: Sequence[int]
) -> None:
    assert sorted(needed) == fewest(items, lambda kept: needed <= set(kept))


def test_a_failing_world_shrinks_to_the_faults_that_matter() -> None:
    found = FOUND[0]
    rule = found.bug.rule
    with found.bug.planted():
        small = shrink(found.plan, rule)
        assert any(rule == violation.rule for violation in judged(small).violations)
    assert 1 <= len(small.faults) <= len(found.plan.faults)


def test_a_failing_seed_prints_the_command_that_repeats_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bug = next(bug for bug in BUGS if bug.name == "belief_unchecked")
    with bug.planted():
        assert 1 == main(["--seeds", "40", "--jobs", "1", "--hours", "0.3"])
    told = capsys.readouterr().out
    assert "FAILED seed" in told
    assert "python -m tests.world --shrink" in told


def test_what_never_happened_is_named() -> None:
    missing = never_seen(Total().tally)
    assert "fault V3-split was never injected" in missing
    assert "fault A3-refused never struck a call" in missing
    assert "rule repaired was never evaluated" in missing


def test_too_few_hours_or_faults_fail_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert 1 == main(["--seeds", "1", "--jobs", "1", "--at-least-hours", "1000"])
    assert "fewer than 1000 simulated hours" in capsys.readouterr().out
    assert 1 == main(["--seeds", "1", "--jobs", "1", "--at-least-faults", "100000"])
    assert "fewer than 100000 faults" in capsys.readouterr().out


def test_percentiles_are_those_of_the_counted_values() -> None:
    tally = Total().tally
    assert 0 == percentile(tally.claims_ms, 0.5)
    tally.claims_ms.update({10: 98, 20: 1, 30: 1})
    assert [10, 20, 30] == [percentile(tally.claims_ms, share) for share in (0.5, 0.99, 1.0)]
