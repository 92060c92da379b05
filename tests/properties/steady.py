"""How these tests draw: the same examples in every run, and a failure can be drawn again."""

from hypothesis import settings


def steady(examples: int = 100) -> settings:
    """Return the settings for a test of so many examples."""
    return settings(max_examples=examples, derandomize=True, print_blob=True, database=None)
