"""The kinds of journal entry: scripts and catalogs key on their names and ids for ever."""

import pytest

from hakeeper.adapters.journal.entry import Entry
from hakeeper.adapters.journal.eventkind import Level
from hakeeper.adapters.journal.events import EVENTS
from hakeeper.adapters.journal.fields import FIELDS, events_as_markdown, fields_as_markdown
from tests.support.journal_entries import check_entry

PINNED = """
role.changed NOTICE 407758f57e0c47b79f6317f4d71d1b7b
role.unverified WARNING 690752c7289f4e38bde1334cb39da1f9
keepalived.seen INFO dbf565c633864cc3bb2e57433917d855
keepalived.gone WARNING cc41e84fbbe142a7a5a0abde6d1b452e
query.failed WARNING 5d9bb6c1625447b7899423a469af7a02
fifo.opened INFO ae64a75a55df4a86b43977e5bb3b6a32
fifo.replaced NOTICE e93f4d6bba8a44d2986372905533aa20
fifo.failed ERROR 467cc23812b742fcb8bba14537fac786
fifo.overflowed WARNING abe4744fde694ba38c89b8bd2bf40db5
line.rejected WARNING 62813ca0f2424496b547da11f0350fbb
instance.unknown WARNING b6a7a72507bc4589a7f35e92f8788cf8
claim.started NOTICE 405b3ba8f652462c8a1bb296471883cd
address.claimed NOTICE a87627aaf66c49f2820a50184503877f
address.drifted WARNING 83397154e2314751b7f9ff349087b2be
address.held_down CRITICAL 5b3c78baa93a46cd881c172b2eed613f
address.unresolved ERROR f685c86392bf45ccaeb0ee13ee3e286e
address.resolved INFO 6bd26b6f1f4f45b5adb08c85ea0b9f38
address.blocked WARNING 669f3ff33b444a469f6321d120f0f2fe
claim.failed WARNING 8fd7be0387514ceca415535ddbb7ec79
claim.refused ERROR 2ae11dc97f7747d089e8a05d6c5552b0
claim.unknown WARNING 56496b3a788d4e48a71f0d2b25f32ba0
claim.abandoned NOTICE d6f7ff2666d7486faafe88910aade986
api.failed WARNING cc7e33ac8726486cbfc34dd95b897839
api.recovered NOTICE 3294846d8833461e9d1dcf7e8c330d3d
api.throttled WARNING 33dcfa4022b7443fb0ef3d1e69106d43
token.rejected ERROR a89eb9a0165a4ee5b96744989240f672
login.rejected ERROR a5c5deffa1d34018b2d7d820f83a2839
server.identified INFO 17dda6f3ed284dce819d22b941ef62ab
server.unidentified ERROR dcf6b1bfb1bd4de896f60926f2e72bc1
config.reloaded NOTICE 8cee2ec823af40a193adbf3d9972b69a
config.rejected ERROR ad2d78a9ab7e4b86bcdf59121d8021dd
config.warning WARNING be9a3c51f3a94b0b8c3e2a6cfb7d5d0e
state.failed WARNING d47abc7bcc63425c82c048d9fa18b84f
history.failed WARNING 95a1671a0b2846da8d6ee6df6112c7e9
control.failed WARNING c16449eeb5df4e2a90a88b2f2ac2fb74
control.recovered NOTICE b4211b6ada584ffd97e5971ce71c6cd6
watch.failed WARNING c0a66dab8ba94496a5f7d2dd171dc2f5
recording.failed WARNING bc914f81e3ba4c038034cddd79e8d0e7
notify.failed WARNING dc17de3b52c2477ebbd02a5538a4a948
daemon.started INFO 0cec868af54640dc99542c54c9ca4902
daemon.stopped INFO a5a631e1667c46f19b55d9fce4cc37fd
daemon.failed CRITICAL 1308480c85974ce3a6007a977ca565e0
log.dropped WARNING 838d1c9343d1499b9d367e916711dfea
address.confirmed INFO 7d560793e2ae47a281954af0de212b76
address.zone_mismatch WARNING 6ef55325a66f4ad6850d6ac49ae8d92f
fifo.recovered NOTICE 1025ee206b6043f4ad8497ac1444cdaa
library.warned WARNING cf142d589e374e9a961158c65a18fc2f
vrrp_address.missing ERROR d357451830a34aa0b95e9c74060b4246
vrrp_address.found NOTICE 00d091f21adb479b93582f3da25f411b
keepalived.stopped NOTICE cd492035b9544232a80d25427fd68a45
status.ok NOTICE ecdc662f33924b08a2f4df07e54f95dc
status.degraded WARNING 11f66924609c4fddb95950dfd73d9d74
status.broken ERROR 24836412ff474560a1ea0f5d98a92a0b
address.selected NOTICE 0a4d82d5f1ac44a4babcdbfeabe13e3d
address.deselected NOTICE 016373a75f314ae5b79fed5515be7b95
address.chosen_twice WARNING 1742447f7ef64a38be3375c205829ea4
selector.empty WARNING 8a236b7405e145a2b0c69e8fc13daa5b
selector.broad WARNING 198b65b3d3c545fd831c16f698b50cf8
step_down.begun NOTICE c751e2a5386a40679120734dbcb8742a
step_down.done NOTICE df2c863cf9de4782965fc2c19ea950fe
step_down.prolonged NOTICE 8a2b2f8a28dc418db7877ccb8f560221
step_down.overtaken WARNING 59884a2e66214baead0f9184421932e6
step_down.ended NOTICE 83530a4bb96c4940bc9adaccae56d9ae
step_down.expired NOTICE cf814a8066ae4b938a572584160d0a9c
step_down.failed WARNING 3894d978485044a984963906f200b15d
step_down.file_failed ERROR d1eec43009814302b95b756e1b23f193
pause.begun WARNING 180670de5c84449f824cae55898faf66
pause.ended NOTICE 4508c14bf4174bcaa80c753849820fc5
pause.expired NOTICE af20fe4e8e1b46ed91d0f20a5d16e52f
pause.failed ERROR 9e0a4a8ddd5d48b5aab9fc20ac958183
claim.paused WARNING e0e15feb026343a3b125fe52e2492a69
take.begun NOTICE 460dda92b7a34f23bec8ddd75fe183ec
hook.unsent WARNING 5ed698bdc1f6497bbb48588b082a4157
hook.output INFO 39223264787446d786b690bcb63f3cd9
hook.ended INFO fd7374151c59403b9694a466eeb2d18a
hook.failed WARNING 9d66aed428e6472b94f75b996895f746
hook.dropped WARNING 8bd21b297e4c454eac4a9fbc451547c0
"""
"""Name, level and MESSAGE_ID; lines are only ever added here."""


def test_the_kinds_of_entry_are_what_they_always_were() -> None:
    reported = {f"{name} {kind.level.name} {kind.message_id}" for name, kind in EVENTS.items()}
    assert set(PINNED.split("\n")) - {""} == reported


def test_every_message_id_is_a_128_bit_number_of_its_own() -> None:
    ids = [kind.message_id for kind in EVENTS.values()]
    assert len(ids) == len(set(ids))
    assert all(len(i) == 32 and int(i, 16) >= 0 and i == i.lower() for i in ids)


def test_every_name_is_a_noun_and_what_happened_to_it() -> None:
    assert all(name.count(".") == 1 and name.islower() for name in EVENTS)


def test_every_field_has_its_meaning_and_every_meaning_its_field() -> None:
    fields = [field for kind in EVENTS.values() for field in (*kind.always, *kind.sometimes)]
    assert set(fields) == set(FIELDS)
    assert all(
        len(set(k.always)) + len(set(k.sometimes)) == len({*k.always, *k.sometimes})
        for k in EVENTS.values()
    ), "either always or sometimes"


@pytest.mark.parametrize(
    ("operator", "count", "first", "last"),
    [
        (
            True,
            30,
            (
                "| `address.blocked` | 4 warning | An address is blocked by Hetzner "
                "| `669f3ff33b444a469f6321d120f0f2fe` |"
            ),
            (
                "| `vrrp_address.missing` | 3 error "
                "| keepalived is isolated: its private address is missing "
                "| `d357451830a34aa0b95e9c74060b4246` |"
            ),
        ),
        (
            False,
            47,
            (
                "| `address.chosen_twice` | 4 warning "
                "| An address is chosen for an instance, and follows another "
                "| `1742447f7ef64a38be3375c205829ea4` |"
            ),
            (
                "| `watch.failed` | 4 warning "
                "| The kernel does not wake hakeeper, which looks by itself instead "
                "| `c0a66dab8ba94496a5f7d2dd171dc2f5` |"
            ),
        ),
    ],
)
def test_the_events_print_as_a_row_each_sorted_by_name(
    operator: bool,  # noqa: FBT001  # a case of the table above
    count: int,
    first: str,
    last: str,
) -> None:
    printed = events_as_markdown(operator=operator)
    head, line, *rows = printed.splitlines()
    assert ("| event | priority | meaning | MESSAGE_ID |", "|---|---|---|---|") == (head, line)
    assert (count, first, last) == (len(rows), rows[0], rows[-1])
    assert sorted(rows) == rows
    assert printed.endswith("|\n")


def test_the_fields_print_as_a_row_each_with_the_events_that_have_them() -> None:
    printed = fields_as_markdown()
    head, line, *rows = printed.splitlines()
    assert ("| field | meaning | in |", "|---|---|---|") == (head, line)
    assert [f"`HAKEEPER_{name.upper()}`" for name in FIELDS] == [row.split()[1] for row in rows]
    assert (
        "| `HAKEEPER_COUNT` | how many since this was last told "
        "| `fifo.overflowed`, `hook.dropped`, `hook.unsent`, `log.dropped`, (`line.rejected`) |"
    ) in rows
    assert printed.endswith("|\n")


def test_an_operator_has_about_twenty_events_to_know() -> None:
    assert 30 == sum(kind.operator for kind in EVENTS.values())


def test_whatever_is_an_error_or_worse_is_for_the_operator() -> None:
    assert all(kind.operator for kind in EVENTS.values() if kind.level <= Level.ERROR)


def test_the_levels_are_those_of_syslog() -> None:
    assert (2, 3, 4, 5, 6, 7) == tuple(Level)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (Entry("no.such", "text"), "not in EVENTS"),
        (Entry("api.recovered", ""), "says nothing"),
        (Entry("api.recovered", "text", {"duration s": 1}), "duration s"),
        (Entry("api.recovered", "text", {"Duration_s": 1}), "Duration_s"),
        (Entry("api.recovered", "text", {"duration_s": True}), "is <class 'bool'>"),
        (
            Entry("api.recovered", "text", {"duration_s": None}),  # type: ignore[dict-item]
            "is <class 'NoneType'>",
        ),
        (Entry("api.recovered", "text"), "lacks duration_s"),
        (
            Entry("api.recovered", "text", {"duration_s": 1, "reason": "x"}),
            "the unknown field reason",
        ),
    ],
)
def test_the_check_of_entries_can_fail(bad: Entry, why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        check_entry(bad)
