"""The servers of an API, and the names of holders."""

import pytest

from hakeeper.core.apis.servers import NAMES_KEPT, ServerNames, holder_key, holder_text
from hakeeper.core.model import Server
from hakeeper.core.observation import Holder, Nobody, Other, Unknown, Us


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
    assert text == holder_text(holder, ServerNames())
    assert word == holder_key(holder)


def test_where_a_server_is_to_be_found_makes_it_no_other_one() -> None:
    server = Server(id=1, name="node1", status="running")
    found = Server(id=1, name="node1", status="running", own=(), without=(6,))
    assert server == found


def test_a_name_is_kept_until_there_are_too_many() -> None:
    names = ServerNames()
    for server_id in range(NAMES_KEPT):
        names.learn(server_id, f"node{server_id}")
    names.learn(0, "renamed")
    names.learn("one more", "more")
    known = [holder_text(Other(server_id), names) for server_id in (0, 1, 2, "one more")]
    assert ["renamed (id 0)", "server 1", "node2 (id 2)", "more (id one more)"] == known
    names.clear()
    assert "server 2" == holder_text(Other(2), names)
