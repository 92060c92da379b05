"""Names of instances and groups in both files, and what of them is followed."""

from tests.corpus.setup import SetUp
from tests.corpus.setups.common import PLAIN, VIP, global_defs, instance

MAIL = {"web": "203.0.113.10", "mail": "203.0.113.11"}
SECOND = instance(name="VI_2", vips="203.0.113.11/32 dev eth0").replace("_id 60", "_id 61")
TWO = global_defs() + instance() + SECOND
GROUP = "vrrp_sync_group G1 {\n    group {\n        VI_1\n        VI_2\n    }\n}\n"
GROUP_OF_ONE = "vrrp_sync_group G1 {\n    group {\n        VI_1\n    }\n}\n"


def yaml_of(name: str, section: str = "instances", address: str = "web") -> str:
    return f"{section}:\n  {name}:\n    floating_ips: [{address}]\n"


SETUPS = (
    SetUp(
        name="name-wrong",
        about="hakeeper.yaml names another instance.",
        conf=PLAIN,
        yaml=yaml_of("VI_WEB"),
    ),
    SetUp(
        name="name-case", is_wide=True, about="The case differs.", conf=PLAIN, yaml=yaml_of("vi_1")
    ),
    SetUp(
        name="name-with-spaces",
        about="A name in quotes, with a space.",
        conf=global_defs() + instance(name='"web front"'),
        yaml=yaml_of("web front"),
    ),
    SetUp(
        name="name-with-spaces-unquoted",
        about="Without quotes only the first word is the name.",
        conf=global_defs() + instance(name="web front"),
        yaml=yaml_of("web front"),
    ),
    SetUp(
        name="name-quoted-needlessly",
        is_wide=True,
        about="Quotes belong to the file, not to the name.",
        conf=global_defs() + instance(name='"VI_1"'),
    ),
    SetUp(
        name="name-quoted-in-yaml-too",
        is_wide=True,
        about="The quotes were taken into hakeeper.yaml as a part of the name.",
        conf=global_defs() + instance(name='"VI_1"'),
        yaml=yaml_of("'\"VI_1\"'"),
    ),
    SetUp(
        name="name-not-ascii",
        about="An umlaut in the name.",
        conf=global_defs() + instance(name="Zürich"),
        yaml=yaml_of("Zürich"),
    ),
    SetUp(
        name="name-with-no-break-space",
        about="The name's space is a no-break space in one file, and a plain one in the other.",
        conf=global_defs() + instance(name='"web\u00a0front"'),
        yaml=yaml_of("web front"),
    ),
    SetUp(
        name="name-with-dots-and-dashes",
        is_wide=True,
        about="A name as made by programs.",
        conf=global_defs() + instance(name="eth0.web-1_v4"),
        yaml=yaml_of("eth0.web-1_v4"),
    ),
    SetUp(
        name="two-instances-one-followed",
        about="hakeeper follows the second; the first has an address of its own.",
        conf=TWO,
        yaml=yaml_of("VI_2", address="mail"),
        floating_ips=MAIL,
    ),
    SetUp(
        name="two-instances-both-followed",
        is_wide=True,
        about="Each with a floating IP.",
        conf=TWO,
        yaml="instances:\n  VI_1: {floating_ips: [web]}\n  VI_2: {floating_ips: [mail]}\n",
        floating_ips=MAIL,
    ),
    SetUp(
        name="two-instances-one-router-id",
        is_wide=True,
        about="Both have the same virtual_router_id: keepalived drops the second.",
        conf=TWO.replace("_id 61", "_id 60"),
        yaml=yaml_of("VI_2", address="mail"),
        floating_ips=MAIL,
    ),
    SetUp(
        name="instance-twice",
        is_wide=True,
        about="The same name twice: keepalived keeps one of them.",
        conf=global_defs() + instance() + instance().replace("_id 60", "_id 61"),
    ),
    SetUp(
        name="group-followed",
        about="A sync group of two; the addresses follow the group.",
        conf=TWO + GROUP,
        yaml=yaml_of("G1", "groups", "web, mail"),
        floating_ips=MAIL,
    ),
    SetUp(
        name="group-before-its-members",
        is_wide=True,
        about="The group stands before its instances; one of them is followed.",
        conf=global_defs() + GROUP + instance() + SECOND,
        yaml=yaml_of("VI_1"),
    ),
    SetUp(
        name="group-of-one",
        about="A sync group of one is allowed, with a remark.",
        conf=PLAIN + GROUP_OF_ONE,
        yaml=yaml_of("G1", "groups"),
    ),
    SetUp(
        name="group-of-one-reload-check",
        is_wide=True,
        about="With reload_check_config the same remark keeps keepalived from starting.",
        conf=global_defs("reload_check_config") + instance() + GROUP_OF_ONE,
    ),
    SetUp(
        name="group-as-an-instance",
        is_wide=True,
        about="The group's name stands under instances.",
        conf=TWO + GROUP,
        yaml=yaml_of("G1"),
    ),
    SetUp(
        name="group-wrong-name",
        about="There is no such group.",
        conf=TWO + GROUP,
        yaml=yaml_of("G2", "groups"),
    ),
    SetUp(
        name="group-with-a-stranger",
        is_wide=True,
        about="A member is no instance: keepalived leaves it out.",
        conf=PLAIN + GROUP.replace("VI_2", "VI_9"),
        yaml=yaml_of("G1", "groups"),
    ),
    SetUp(
        name="group-on-one-line",
        is_wide=True,
        about="The whole group in one line.",
        conf=TWO + "vrrp_sync_group G1 { group { VI_1\nVI_2 } }\n",
        yaml=yaml_of("G1", "groups"),
    ),
    SetUp(
        name="group-without-its-list",
        about="The member stands in the group itself: keepalived removes the group.",
        conf=PLAIN + "vrrp_sync_group G1 {\n    VI_1\n}\n",
        yaml=yaml_of("G1", "groups"),
    ),
    SetUp(
        name="second-after-odd-braces",
        about="A brace too many in the first instance; keepalived finds the second one, too.",
        conf=TWO.replace("    state BACKUP\n", "    state BACKUP\n    odd {\n", 1),
        yaml=yaml_of("VI_1") + yaml_of("VI_2", address="mail").removeprefix("instances:\n"),
        floating_ips=MAIL,
    ),
    SetUp(
        name="group-member-in-fault",
        about="The other member's interface does not exist: the group stays in FAULT.",
        conf=global_defs()
        + instance()
        + instance(name="VI_2", vips=VIP.replace(".10", ".11"))
        .replace("_id 60", "_id 61")
        .replace("interface enp7s0", "interface ens10")
        + GROUP,
    ),
)
