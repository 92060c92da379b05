"""How the text is laid out; and mistakes in it."""

from tests.corpus.setup import SetUp
from tests.corpus.setups.common import LINE, PLAIN, VIP, global_defs, instance

ONE_LINE = f"""\
global_defs {{ {LINE} }}
vrrp_instance VI_1 {{ state BACKUP
interface enp7s0
virtual_router_id 60
priority 100
version 3
advert_int 0.1
unicast_src_ip 10.0.0.2
unicast_peer {{ 10.0.0.3 }}
virtual_ipaddress {{ {VIP} }} }}
"""
COMMENTS = f"""\
! the whole file is full of remarks
# vrrp_notify_fifo /run/other.fifo root
global_defs {{ # here
    {LINE}   ! and here
    !enable_dbus
    #}} a brace
}} # end
! vrrp_instance OLD {{
vrrp_instance VI_1 {{ ! ours
    state BACKUP#no space before
    interface enp7s0 # the private one
    virtual_router_id 60
    priority 100 ! low
    version 3
    advert_int 0.1
    unicast_src_ip 10.0.0.2
    unicast_peer {{
        # 10.0.0.9
        10.0.0.3
    }}
    virtual_ipaddress {{
        {VIP} # web
!       192.0.2.77
    }}
}}
"""
PEER_BLOCK = "    unicast_peer {\n        10.0.0.3\n    }\n"

SETUPS = (
    SetUp(name="one-line-blocks", about="Blocks that begin and end in one line.", conf=ONE_LINE),
    SetUp(
        name="peer-and-vip-on-one-line",
        is_wide=True,
        about="Only the inner blocks are in one line.",
        conf=PLAIN.replace(PEER_BLOCK, "    unicast_peer { 10.0.0.3 }\n"),
    ),
    SetUp(name="crlf", about="Lines end as on Windows.", conf=PLAIN.replace("\n", "\r\n")),
    SetUp(
        name="tabs-and-odd-indentation",
        about="Tabs, many spaces, none.",
        conf=PLAIN.replace("    ", "\t")
        .replace("\tpriority", "priority")
        .replace(" 60", "\t \t60"),
    ),
    SetUp(name="comments", about="Remarks with ! and # in every place.", conf=COMMENTS),
    SetUp(
        name="no-last-newline",
        is_wide=True,
        about="The last brace ends the file.",
        conf=PLAIN.rstrip("\n"),
    ),
    SetUp(
        name="byte-order-mark",
        about="A BOM before the first keyword.",
        conf=b"\xef\xbb\xbf" + PLAIN.encode(),
    ),
    SetUp(
        name="byte-order-mark-and-remark",
        is_wide=True,
        about="A BOM before a remark in the first line.",
        conf=b"\xef\xbb\xbf# keepalived\n" + PLAIN.encode(),
    ),
    SetUp(
        name="no-break-spaces-in-global-defs",
        about="The FIFO line copied from a web page, indented with no-break spaces.",
        conf=PLAIN.replace("    vrrp_notify", "\u00a0\u00a0vrrp_notify"),
    ),
    SetUp(
        name="no-break-space-in-the-line",
        about="A no-break space between the path and the user.",
        conf=PLAIN.replace("notify.fifo hakeeper", "notify.fifo\u00a0hakeeper"),
    ),
    SetUp(
        name="brace-on-the-next-line",
        about="Opening braces stand on lines of their own.",
        conf=PLAIN.replace(" {\n", "\n{\n"),
    ),
    SetUp(
        name="latin-1-remark",
        is_wide=True,
        about="A remark that is not UTF-8.",
        conf=b"# Z\xfcrich\n" + PLAIN.encode(),
    ),
    SetUp(
        name="quoted-values",
        about="Interface, addresses and path in double quotes.",
        conf=PLAIN.replace("/run/hakeeper/notify.fifo", '"/run/hakeeper/notify.fifo"')
        .replace("interface enp7s0", 'interface "enp7s0"')
        .replace("src_ip 10.0.0.2", 'src_ip "10.0.0.2"'),
    ),
    SetUp(
        name="misspelled-keyword",
        about="keepalived ignores `prioriti`, and goes on.",
        conf=PLAIN.replace("    priority 100", "    prioriti 100"),
    ),
    SetUp(
        name="misspelled-fifo-keyword",
        about="`vrrp_notify_fifos` is no keyword: there is no FIFO.",
        conf=PLAIN.replace("vrrp_notify_fifo ", "vrrp_notify_fifos "),
    ),
    SetUp(
        name="misspelled-instance-keyword",
        is_wide=True,
        about="`vrrp_instanz`: the whole block is skipped.",
        conf=PLAIN.replace("vrrp_instance", "vrrp_instanz"),
    ),
    SetUp(
        name="misspelled-with-reload-check",
        about="With reload_check_config a misspelled keyword keeps keepalived from starting.",
        conf=global_defs("reload_check_config") + instance("garp_master_dely 5"),
    ),
    SetUp(
        name="missing-after-many-misspelled",
        about="Thirty words that keepalived only remarks on, and no virtual_router_id.",
        conf=global_defs()
        + instance(*(f"odd_word_{n} 1" for n in range(30))).replace(
            "    virtual_router_id 60\n", ""
        ),
    ),
    SetUp(
        name="last-brace-missing",
        about="The instance is not closed.",
        conf=PLAIN.rstrip("}\n") + "\n    }\n",
    ),
    SetUp(
        name="global-brace-missing",
        about="global_defs is not closed: the instance falls into it.",
        conf=PLAIN.replace("hakeeper\n}\n", "hakeeper\n", 1),
    ),
    SetUp(
        name="brace-too-many",
        is_wide=True,
        about="A closing brace too many, after the instance.",
        conf=PLAIN + "}\n",
    ),
    SetUp(
        name="brace-too-many-in-the-middle",
        about="A closing brace too many between global_defs and the instance.",
        conf=PLAIN.replace("hakeeper\n}\n", "hakeeper\n}\n}\n", 1),
    ),
    SetUp(name="empty-file", is_wide=True, about="Nothing but a remark.", conf="# to be filled\n"),
    SetUp(
        name="upper-case-keyword",
        is_wide=True,
        about="Keywords are case-sensitive.",
        conf=PLAIN.replace("vrrp_notify_fifo", "VRRP_NOTIFY_FIFO"),
    ),
)
