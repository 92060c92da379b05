"""The names of holders."""

import pytest

from hakeeper.core.observation import Holder, Nobody, Other, Unknown, Us
from hakeeper.core.servers import holder_key, holder_text


@pytest.mark.parametrize(
    ("holder", "text", "word"),
    [
        (Us(), "this server", "us"),
        (Other(42), "server 42", "42"),
        (Nobody(), "nobody", "nobody"),
        (Unknown("not read yet"), "unknown (not read yet)", "unknown"),
    ],
)
def test_every_holder_has_a_word_for_people_and_one_for_scripts(
    holder: Holder, text: str, word: str
) -> None:
    assert text == holder_text(holder, {})
    assert word == holder_key(holder)
