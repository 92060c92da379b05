"""."""
from corpus.setup import SetUp
SETUPS: tuple[SetUp, ...] = ()
