"""What may be spent: by hand what tests/properties holds for all."""

from hakeeper.core.budget import Budget, Use


def test_a_bucket_below_the_floor_of_retries_lets_one_go_and_then_one_now_and_then() -> None:
    budget = Budget()
    budget.spend(1000.0, 400, reading=True)
    assert budget.allows(Use.RETRY, 1000.0)
    budget.spend(1000.0)
    assert not budget.allows(Use.RETRY, 1008.9)
    assert budget.allows(Use.RETRY, 1009.1)
