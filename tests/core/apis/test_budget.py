"""What may be spent: by hand what tests/properties holds for all."""

from hakeeper.core.apis.budget import Budget, Use


def test_a_bucket_below_the_floor_of_retries_lets_one_go_and_then_one_now_and_then() -> None:
    budget = Budget()
    budget.spend(1000.0, 400, reading=True)
    assert budget.allows(Use.RETRY, 1000.0)
    budget.spend(1000.0)
    assert not budget.allows(Use.RETRY, 1008.9)
    assert budget.allows(Use.RETRY, 1009.1)


def test_another_limit_leaves_as_much_of_the_bucket_spent_as_before() -> None:
    budget = Budget()
    budget.spend(1000.0, int(budget.full / 2))
    left = budget.left(1000.0) / budget.full
    budget.note_limit(7200, 1000.0)
    assert (7200, 1000.0, left) == (
        budget.limit_per_hour,
        budget.at_s,
        budget.left(1000.0) / budget.full,
    )
    budget.note_limit(7200, 2000.0)
    assert budget.at_s == 1000.0
