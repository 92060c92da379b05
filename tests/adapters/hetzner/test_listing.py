"""The pages of one list, or of several that answer one request."""

from hakeeper.adapters.hetzner.listing import FIRST_PAGE, Listing, Page, PageOf
from hakeeper.core.calls import AllRead, ReadAll, ReadServer
from hakeeper.core.observation import Part, Reading
from hakeeper.kinds import ALIAS_IPS
from hakeeper.kinds.json_fields import network
from tests.support.resources import CLOUD, LIST, fip, floating_ip

EMPTY = Reading(())
ALIASES = ReadAll(ALIAS_IPS.name)


def page(
    of: PageOf = FIRST_PAGE,
    following: int | None = None,
    last: int | None = None,
    reading: Reading = EMPTY,
) -> Page:
    return Page(of=of, reading=reading, following=following, last=last)


def part(key: int) -> Reading:
    return Reading((), parts=(Part(key=key),))


def test_a_list_of_one_page_is_whole_with_it() -> None:
    listing = Listing(LIST)
    assert listing.whole() is None
    listing.take(page())
    assert [] == listing.due()
    assert AllRead(LIST.kind, Reading(()), requests=1) == listing.whole()


def test_the_other_pages_are_read_side_by_side_but_not_all_at_once() -> None:
    listing = Listing(LIST)
    listing.take(page(following=2, last=6))
    first = listing.due()
    assert [PageOf(0, number) for number in (2, 3, 4, 5)] == first
    assert [] == listing.due()
    listing.take(page(first[0], following=3))
    assert [PageOf(0, 6)] == listing.due()
    assert listing.whole() is None


def test_the_last_page_must_say_that_it_is_the_last() -> None:
    listing = Listing(LIST)
    listing.take(page(following=2, last=2))
    listing.due()
    listing.take(page(PageOf(0, 2), following=3))
    assert [PageOf(0, 3)] == listing.due()
    listing.take(page(PageOf(0, 3)))
    whole = listing.whole()
    assert whole is not None
    assert 3 == whole.requests


def test_what_comes_twice_counts_once_as_last_seen() -> None:
    def seen(server: int) -> Reading:
        one = floating_ip(id=1, name="web", network=network("203.0.113.1"), server_id=server)
        return Reading((one,))

    listing = Listing(LIST)
    listing.take(page(following=2, reading=seen(1)))
    listing.due()
    listing.take(page(PageOf(0, 2), reading=seen(2)))
    whole = listing.whole()
    assert whole is not None
    assert [(fip(1), 2)] == [(each.id, each.server_id) for each in whole.reading.found]


def test_a_request_may_take_several_lists_each_of_many_pages() -> None:
    listing = Listing(ALIASES)
    assert ["/networks", "/servers"] == [request.path for request in listing.requests]
    listing.take(page(reading=part(7)))
    assert [PageOf(1, 1)] == listing.due()
    listing.take(page(PageOf(1, 1), following=2, last=2, reading=part(8)))
    assert [PageOf(1, 2)] == listing.due()
    assert listing.whole() is None
    listing.take(page(PageOf(1, 2), reading=part(9)))
    parts = tuple(Part(key=key) for key in (7, 8, 9))
    assert AllRead(ALIAS_IPS.name, Reading((), parts=parts), requests=3) == listing.whole()


def test_a_list_of_parts_says_which_they_are() -> None:
    listing = Listing(ReadAll(ALIAS_IPS.name, (7, 8)))
    listing.take(page())
    listing.due()
    listing.take(page(PageOf(1, 1)))
    assert AllRead(ALIAS_IPS.name, Reading(()), (7, 8), requests=2) == listing.whole()


def test_what_is_no_list_has_no_pages() -> None:
    listing = Listing(ReadServer(CLOUD, 1))
    assert ((), None) == (listing.requests, listing.whole())
