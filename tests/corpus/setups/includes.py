"""Includes, parameters and conditions."""

from tests.corpus.setup import SetUp, shell
from tests.corpus.setups.common import LINE, PLAIN, global_defs, instance

DIR = "/etc/keepalived"
IN_A_BLOCK = instance().replace(
    "    virtual_ipaddress {\n        203.0.113.10/32 dev eth0\n    }\n",
    "    virtual_ipaddress {\n        include vips.conf\n    }\n    include more.inc\n",
)


GENERATED = (
    "$MAKE= \\\n"
    + "".join(
        f"{line} \\\n"
        for line in instance(name="VI_${NUM}", vips="203.0.113.1${NUM}/32 dev eth0")
        .replace("router_id 60", "router_id 6${NUM}")
        .splitlines()[:-1]
    )
    + "}\n\n"
)


def included(line: str, *paths: str, **more: object) -> dict[str, object]:
    """Return a file that includes its instance, which is in `paths`."""
    return {
        "conf": global_defs() + line + "\n",
        "files": {f"{DIR}/{path}": instance() for path in paths},
        **more,
    }


def made(name: str, about: str, fields: dict[str, object]) -> SetUp:
    """Return a set-up; the types are those of SetUp."""
    return SetUp(name=name, about=about, **fields)  # type: ignore[arg-type]


SETUPS = (
    made("include", "A relative name.", included("include vi.conf", "vi.conf")),
    made(
        "include-absolute",
        "An absolute name.",
        included(f"include {DIR}/sub/vi.conf", "sub/vi.conf", is_wide=True),
    ),
    made("include-glob", "A pattern.", included("include conf.d/*.conf", "conf.d/10-vi.conf")),
    made(
        "include-glob-matches-nothing",
        "The instance's file has another ending.",
        included("include conf.d/*.conf", "conf.d/vi.cfg", is_wide=True),
    ),
    made(
        "include-pwd",
        "${_PWD} is the folder of the file.",
        included("include ${_PWD}/conf.d/*.conf", "conf.d/vi.conf"),
    ),
    made(
        "include-quoted",
        "A name in quotes, which 2.2.7 takes for a part of the name.",
        included('include "vi.conf"', "vi.conf"),
    ),
    made(
        "include-braces",
        "Braces in a pattern are expanded.",
        included("include conf.d/{vi,other}.conf", "conf.d/vi.conf"),
    ),
    made("include-missing", "The file is not there.", included("include vi.conf")),
    made(
        "include-missing-beside",
        "A file is not there that nobody needs.",
        {"conf": PLAIN + "include local.conf\n"},
    ),
    made(
        "include-parameter",
        "A parameter in the name.",
        included("$DIR=conf.d\ninclude $DIR/vi.conf", "conf.d/vi.conf", is_wide=True),
    ),
    made(
        "include-condition-holds",
        "Only for this host's name.",
        included("@web-a include vi.conf\n@web-b include none.conf", "vi.conf"),
    ),
    made(
        "include-condition-does-not-hold",
        "Only for the other host's name.",
        included("@web-b include vi.conf", "vi.conf"),
    ),
    made(
        "include-condition-negated",
        "For all hosts but the other.",
        included("@^web-b include vi.conf", "vi.conf", is_wide=True),
    ),
    made(
        "include-condition-of-an-id",
        "The id is given when keepalived is started.",
        included("@left include vi.conf", "vi.conf", options=("-i", "left")),
    ),
    SetUp(
        name="include-nested",
        about="A file in a folder includes one beside it; names are relative to the including one.",
        conf=global_defs() + "include sub/all.conf\n",
        files={f"{DIR}/sub/all.conf": "include vi.conf\n", f"{DIR}/sub/vi.conf": instance()},
    ),
    SetUp(
        name="include-nested-wrong-folder",
        is_wide=True,
        about="A file in a folder names another as if it stood beside the first.",
        conf=global_defs() + "include sub/all.conf\n",
        files={f"{DIR}/sub/all.conf": "include sub/vi.conf\n", f"{DIR}/sub/vi.conf": instance()},
    ),
    SetUp(
        name="include-in-blocks",
        about="VIPs and further lines of the instance come from files.",
        conf=global_defs() + IN_A_BLOCK,
        files={
            f"{DIR}/vips.conf": "203.0.113.10/32 dev eth0\n",
            f"{DIR}/more.inc": "garp_master_delay 5\n",
        },
    ),
    SetUp(
        name="include-the-fifo-line",
        about="The FIFO line stands in a file of its own, in the block.",
        conf=global_defs(line="include hakeeper.inc") + instance(),
        files={f"{DIR}/hakeeper.inc": f"{LINE}\n"},
    ),
    SetUp(
        name="include-global-defs",
        about="A package adds its own global_defs in a file that sorts first.",
        conf="include conf.d/*.conf\n",
        files={f"{DIR}/conf.d/00-fifo.conf": global_defs(), f"{DIR}/conf.d/10-vi.conf": instance()},
    ),
    SetUp(
        name="include-unreadable-for-the-service",
        as_service=True,
        about="Only root may read the instance's file.",
        conf=global_defs() + "include vi.conf\n",
        files={f"{DIR}/vi.conf": instance()},
        before=shell(f"chmod 0600 {DIR}/vi.conf"),
    ),
    SetUp(
        name="conf-unreadable-for-the-service",
        as_service=True,
        about="Only root may read keepalived.conf, for the password in it.",
        conf=PLAIN,
        before=shell(f"chmod 0600 {DIR}/keepalived.conf"),
    ),
    SetUp(
        name="conf-is-a-link",
        is_wide=True,
        about="keepalived.conf is a symbolic link, with an include beside its end.",
        conf="",
        files={
            "/etc/site/ka.conf": global_defs() + "include vi.conf\n",
            "/etc/site/vi.conf": instance(),
        },
        before=shell(f"ln -sf /etc/site/ka.conf {DIR}/keepalived.conf"),
    ),
    SetUp(
        name="conf-is-a-link-include-beside-it",
        about="The same, and the included file lies beside the link.",
        conf="",
        files={
            "/etc/site/ka.conf": global_defs() + "include vi.conf\n",
            f"{DIR}/vi.conf": instance(),
        },
        before=shell(f"ln -sf /etc/site/ka.conf {DIR}/keepalived.conf"),
    ),
    SetUp(
        name="parameters",
        about="Interface, addresses and user are parameters.",
        conf="$IF=enp7s0\n$SRC=10.0.0.2\n$USER=hakeeper\n"
        + PLAIN.replace("enp7s0", "$IF")
        .replace("10.0.0.2", "${SRC}")
        .replace("fifo hakeeper", "fifo $USER"),
    ),
    SetUp(
        name="parameter-by-condition",
        is_wide=True,
        about="Each server gets its own address from a condition.",
        conf="@web-a $SRC=10.0.0.2\n@web-b $SRC=10.0.0.3\n"
        "@web-a $PEER=10.0.0.3\n@web-b $PEER=10.0.0.2\n"
        + PLAIN.replace("src_ip 10.0.0.2", "src_ip $SRC").replace(
            "        10.0.0.3", "        $PEER"
        ),
    ),
    SetUp(
        name="parameter-block",
        is_wide=True,
        about="A parameter of several lines makes the instance.",
        conf=global_defs() + GENERATED + "$NUM=1\n$MAKE\n",
        floating_ips={"web": "203.0.113.11"},
    ),
    SetUp(
        name="sequence",
        about="~SEQ makes VI_1 and VI_2; both are followed.",
        conf=global_defs() + GENERATED + "~SEQ(NUM, 1, 2) $MAKE\n",
        yaml="instances:\n  VI_1: {floating_ips: [web]}\n  VI_2: {floating_ips: [mail]}\n",
        floating_ips={"web": "203.0.113.11", "mail": "203.0.113.12"},
    ),
    SetUp(
        name="sequence-too-short",
        is_wide=True,
        about="~SEQ makes VI_1 only; hakeeper follows VI_2 as well.",
        conf=global_defs() + GENERATED + "~SEQ(NUM, 1, 1) $MAKE\n",
        yaml="instances:\n  VI_1: {floating_ips: [web]}\n  VI_2: {floating_ips: [mail]}\n",
        floating_ips={"web": "203.0.113.11", "mail": "203.0.113.12"},
    ),
    SetUp(
        name="list",
        about="~LST makes the instances of two numbers.",
        conf=global_defs() + GENERATED + "~LST(NUM, 1, 4) $MAKE\n",
        yaml="instances:\n  VI_4: {floating_ips: [web]}\n",
        floating_ips={"web": "203.0.113.14"},
    ),
)
