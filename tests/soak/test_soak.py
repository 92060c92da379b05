"""A short soak for every change; `make soak` is the long one."""

import pytest

from tests.soak import SoakSettings, Violation
from tests.soak.conftest import MakeBench
from tests.soak.frames import frame_of
from tests.soak.report import text

FAILOVERS = 10
# Seeds whose first rounds have faults of many families, one upon the other.
SEEDS = {2: 3, 3: 2}


@pytest.mark.parametrize("nodes", [2, 3])
def test_ten_failovers_under_random_faults_end_with_the_address_at_the_master(
    make_bench: MakeBench, nodes: int
) -> None:
    settings = SoakSettings(seed=SEEDS[nodes], nodes=nodes, failovers=FAILOVERS)
    bench = make_bench(settings)
    try:
        bench.soak.run()
    except Violation as violation:
        pytest.fail(f"{violation}\n\n{violation.story}\n\n{settings.command()}")

    tally = bench.soak.tally
    assert tally.failovers >= FAILOVERS
    assert tally.assigns >= FAILOVERS
    measured = [move for move in tally.moves if move.assign_ms is not None]
    assert len(measured) >= FAILOVERS // 2, "the assigns were not found"
    assert any(move.total_ms is not None for move in tally.moves), "no failover was timed whole"
    assert tally.rounds == len(tally.healed_ms)
    assert "no violation" in text(frame_of(settings), bench.soak)
