import pytest

from tests.bench.table import markdown, ms, percentile, summary, times


def test_the_percentile_is_that_of_the_nearest_rank() -> None:
    hundred = [float(number) for number in range(1, 101)]
    assert 99.0 == percentile(hundred, 0.99)
    assert 50.0 == percentile(hundred, 0.5)
    assert 100.0 == percentile(hundred, 1.0)
    assert 1.0 == percentile(hundred, 0.0)
    assert 198.0 == percentile([float(number) for number in range(200, 0, -1)], 0.99)


def test_the_99th_percentile_of_few_is_the_worst() -> None:
    assert 9.0 == percentile([1.0, 9.0, 3.0], 0.99)
    assert 7.0 == percentile([7.0], 0.99)


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.99)


def test_the_summary_names_its_figures() -> None:
    wanted = {"count": 4, "median": 2.5, "p99": 4.0, "min": 1.0, "max": 4.0}
    assert wanted == summary([4.0, 1.0, 3.0, 2.0])


def test_a_table_in_markdown() -> None:
    wanted = "| a | b |\n| --- | --- |\n| 1 | x |\n"
    assert wanted == markdown(("a", "b"), [(1, "x")])
    with pytest.raises(ValueError, match="1 cells below 2 headings"):
        markdown(("a", "b"), [(1,)])


def test_figures_have_no_more_digits_than_sense() -> None:
    assert ["0.51", "-0.34", "12.3", "350"] == [ms(each) for each in (0.512, -0.341, 12.34, 350.4)]
    assert ["1.0 ×", "9.9 ×", "351 ×"] == [times(each) for each in (1.0, 9.94, 351.2)]  # noqa: RUF001
