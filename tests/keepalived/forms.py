"""Forms in which people, and programs, write keepalived.conf; each is a set of files.

`keepalived.conf` is the one that keepalived is given; HERE stands for the folder of all of them.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

Form: TypeAlias = Mapping[str, str]
MAIN: Final = "keepalived.conf"
HEAD: Final = "global_defs {\n vrrp_notify_fifo HERE/x.fifo root\n}\n"


def instance(name: str = "A", more: str = "", vrid: int = 5) -> str:
    """Write an instance as most do, with further lines in it."""
    return (
        f"vrrp_instance {name} {{\n interface d0\n virtual_router_id {vrid}\n priority 50\n"
        f" unicast_src_ip 10.0.0.2\n unicast_peer {{\n  10.0.0.3\n }}\n{more}"
        " virtual_ipaddress {\n  203.0.113.10/32 dev d0\n }\n}\n"
    )


def main(*parts: str) -> Form:
    """Make a form of one file."""
    return {MAIN: HEAD + "".join(parts)}


def _one(more: str) -> Form:
    return main(instance(more=more))


_VIPS = " virtual_ipaddress {{\n{0}\n }}\n"


def _vips(lines: str) -> Form:
    return main(
        "vrrp_instance A {\n interface d0\n virtual_router_id 5\n unicast_src_ip 10.0.0.2\n"
        f" unicast_peer {{\n  10.0.0.3\n }}\n virtual_ipaddress {{\n{lines}\n }}\n}}\n"
    )


FORMS: Final[dict[str, Form]] = {
    "plain": _one(""),
    # --- includes
    "include": {**main("include a.conf\n"), "a.conf": instance()},
    "include in quotes": {**main('include "a.conf"\n', instance("B")), "a.conf": instance()},
    "include in quotes, with wildcard": {
        **main('include "*.inc"\n', instance("B")),
        "a.inc": instance(),
    },
    "include PWD": {**main("include ${_PWD}/a.conf\n"), "a.conf": instance()},
    "include $PWD alone": {**main("$F=${_PWD}/a.conf\ninclude $F\n"), "a.conf": instance()},
    "include by parameter": {**main("$D=sub\ninclude ${D}/*.conf\n"), "sub/a.conf": instance()},
    "include by condition": {
        **main("@web-a include a.conf\n@web-b include b.conf\n"),
        "a.conf": instance(),
        "b.conf": instance("B"),
    },
    "include by condition in an instance": {
        **_one(" @web-a include a.conf\n"),
        "a.conf": "virtual_ipaddress {\n 203.0.113.77/32 dev d1\n}\n",
    },
    "include by condition with a comment inside": {
        **main("@web-a include a.conf\n"),
        "a.conf": " # said\n" + instance(more=" # more\n"),
    },
    "include by the other condition": {
        **main("@^web-b include a.conf\n@^web-a include b.conf\n"),
        "a.conf": instance(),
        "b.conf": instance("B"),
    },
    **{
        f"include{letter}": {**main(f"include{letter} a.conf\n"), "a.conf": instance()}
        for letter in "rmwba"
    },
    "include with tab": {**main("include\ta.conf\n"), "a.conf": instance()},
    "include with blanks around": {**main("  include   a.conf  # x\n"), "a.conf": instance()},
    "include by absolute path": {**main("include HERE/a.conf\n"), "a.conf": instance()},
    "include of several": {
        **main("include conf.d/*.conf\n"),
        "conf.d/2.conf": instance("B", vrid=6),
        "conf.d/1.conf": instance(),
        "conf.d/.hidden.conf": instance("C", vrid=7),
    },
    "include braces": {
        **main("include conf.d/{b,a,none}.conf\n"),
        "conf.d/a.conf": instance(),
        "conf.d/b.conf": instance("B", vrid=6),
    },
    "include braces and stars": {
        **main("include {z,conf.d}/{b,a}*.c{onf,fg}\n"),
        "conf.d/a1.conf": instance(),
        "conf.d/b.cfg": instance("B", vrid=6),
    },
    "include nested braces": {
        **main("include {a,{b,c}d}.conf\n"),
        "a.conf": instance(),
        "cd.conf": instance("B", vrid=6),
    },
    "include brace without end": {**main("include {a.conf\n", instance()), "a.conf": instance("B")},
    "include question mark": {**main("include ?.con[f]\n"), "a.conf": instance()},
    "include negated set": {
        **main("include [!b].inc\n", instance("C")),
        "a.inc": instance(),
        "b.inc": instance("B"),
    },
    "include negated set with caret": {
        **main("include [^b].inc\n"),
        "a.inc": instance(),
        "b.inc": instance("B"),
    },
    "include backslash": {**main("include a\\?.inc\n", instance()), "ab.inc": instance("B")},
    "include of nothing": main("include none.conf\n", instance()),
    "include of nothing by wildcard": main("include none/*.conf\n", instance()),
    "include of a folder": {**main("include sub\n", instance()), "sub/a.conf": instance("B")},
    "include of an executable": {**main("include a.sh\n", instance()), "a.sh": instance("B")},
    "include in a block": {
        **_one(" include vips.conf\n"),
        "vips.conf": "virtual_ipaddress_excluded {\n203.0.113.20 dev d1\n}\n",
    },
    "include of peers": {
        **_one(" include peers.conf\n"),
        "peers.conf": "unicast_peer {\n10.0.0.4\n}\n",
    },
    "include of peers by condition": {
        **_one(" @web-a include peers.conf\n"),
        "peers.conf": "unicast_peer {\n10.0.0.4\n}\n",
    },
    "include among addresses": {
        **_vips("  203.0.113.1\n  include vips.conf\n  203.0.113.3"),
        "vips.conf": "203.0.113.2\n# x\n203.0.113.22 dev d1",
    },
    "include within include": {
        **main("include sub/a.conf\n"),
        "sub/a.conf": "include b.conf\ninclude ${_PWD}/c.conf\n",
        "sub/b.conf": instance(),
        "sub/c.conf": instance("C", vrid=7),
    },
    "include behind a brace": {
        **main("vrrp_instance A { include rest.conf\n"),
        "rest.conf": instance().partition("{")[2],
    },
    "include of a block's end": {
        **main(instance().rpartition("}")[0], "include end.conf\n"),
        "end.conf": "}\n",
    },
    "include without argument": main("include\n", instance()),
    "includes, mistyped": {**main("includex a.conf\n", instance("B")), "a.conf": instance()},
    "include without final newline": {**main("include a.conf\n"), "a.conf": instance().rstrip()},
    # --- conditions
    "condition": _one(" @web-a priority 77\n @web-b priority 78\n"),
    "condition, negative": _one(" @^web-a priority 77\n @^web-b priority 78\n"),
    "condition twice": _one(" @web-a @web-a priority 77\n"),
    "condition without a word": _one(" @web-a\n @web-ax priority 77\n @web priority 78\n"),
    "condition before a block": main(
        "@web-b vrrp_instance B {\n", "@web-a vrrp_instance A {\n", instance().partition("\n")[2]
    ),
    "condition with tab": _one(" @web-a\tpriority 77\n"),
    "condition behind a brace": main(
        "vrrp_instance A { @web-b priority 3\n", instance().partition("\n")[2]
    ),
    "condition before a parameter": _one(" @web-a $P=60\n @web-b $P=61\n priority $P\n"),
    # --- parameters
    "parameter": _one(" $P=71\n priority $P\n"),
    "parameter in braces": main("$N=A\n", instance("x${N}y")),
    "parameter of parameter": _one(" $P=${Q}2\n $Q=7\n priority ${P}\n"),
    "parameter, again": _one(" $P=71\n priority $P\n $P=72\n priority $P\n"),
    "parameter, undefined": _one(" priority $UNKNOWN\n"),
    "parameter, undefined in braces": _one(" state ${X}\n priority 71\n"),
    "parameter glued": _vips("  $N=203.0.113\n  $N.7\n  ${N}.8 dev d0"),
    "parameter and comma": main("$N=A\n", instance("$N,x")),
    "parameter, blank before =": _one(" $P = 71\n priority $P\n"),
    "parameter, blanks behind =": _one(" $P=  71  \n priority $P\n"),
    "parameter, blank in braces": _one(" $P=7\n priority ${P }\n"),
    "parameter with digits in braces": _one(" $P=7\n state ${P 1}\n priority 71\n"),
    "parameter of a keyword": _one(" $W=priority\n $W 71\n"),
    "parameter of a line": _one(" $W=priority 71\n $W\n"),
    "parameter of a block": _vips("  $V=203.0.113.1 dev d1\n  $V"),
    "parameter with quotes": main('$N="A B"\n', instance("$N")),
    "parameter in quotes": main("$N=A\n", instance('"$N"'), instance('"${N} $N c"', vrid=6)),
    "parameter with comment": _one(" $P=71 # 72\n priority $P # 3\n"),
    "parameter, empty": _one(" $P=\n priority 71$P\n priority 72${P}\n"),
    "parameter with dollar": main("$N=a$b\n", instance("x$N"), instance("$", vrid=6)),
    "standard parameters": main(instance("${_INSTANCE}x"), instance("b${_HASH}c", vrid=6)),
    "bang": main(instance('"b${_BANG}c"', vrid=6)),
    "definition of several lines": _one(" $M= \\\n priority 71 \\\n nopreempt\n $M\n"),
    "definition of several lines, first filled": _one(" $M=priority 71 \\\n nopreempt\n $M\n"),
    "definition of several lines in braces": _one(" $M= \\\n priority 71 \\\n nopreempt\n ${M}\n"),
    "definition of several lines, blank line": _one(" $M=priority 71 \\\n\n nopreempt\n $M\n"),
    "definition of several lines, comment line": _one(
        " $M=priority 71 \\\n # x\n nopreempt\n $M\n"
    ),
    "definition of several lines, comments": _one(
        " $M=priority 71 # 1 \\\n nopreempt # 2 \\\n state MASTER\n $M\n"
    ),
    "definition of several lines, used in a line": _one(
        " $M=priority 71 \\\n nopreempt\n $M state\n ${M}x\n"
    ),
    "definition of several lines in another": _one(
        " $M=priority 71 \\\n nopreempt\n $L=state MASTER \\\n $M \\\n priority 72\n $L\n"
    ),
    "definition of several lines with a block": main(
        "$M=interface d0 \\\n virtual_ipaddress { \\\n 203.0.113.4 \\\n }\n"
        "vrrp_instance A {\n virtual_router_id 4\n unicast_peer { 10.0.0.3\n }\n $M\n}\n"
    ),
    "definition of several lines, with words before": _one(" $M=77 \\\n nopreempt\n priority $M\n"),
    "definition within a definition": _one(" $M=$P=71 \\\n priority $P\n $M\n"),
    "definition that never ends": {**_one(""), "x": "", MAIN: _one("")[MAIN] + "$M=a \\\n"},
    "definition in a block of values": _vips("  $V=203.0.113.5\n  $V dev d1"),
    # --- sequences
    "SEQ": _vips("  ~SEQ(N,1,3) 203.0.113.${N} dev d0"),
    "SEQ with step": _vips("  ~SEQ(N, 1, 4, 9) 203.0.113.${N}"),
    "SEQ down": _vips("  ~SEQ(N, 9, -4, 1) 203.0.113.${N}"),
    "SEQ of one": _vips("  ~SEQ(N, 3) 203.0.113.${N}"),
    "SEQ of zero": _vips("  ~SEQ(N, 0) 203.0.113.${N}"),
    "SEQ down by itself": _vips("  ~SEQ ( N , 4 , 2 )   203.0.113.${N}"),
    "SEQ in hex": _vips("  ~SEQ(N, 0x10, 0x12) 203.0.113.${N}\n  ~SEQ(N, 010, 9) 203.0.113.${N}"),
    "SEQx": main(
        "vrrp_instance A {\n interface d0\n virtual_router_id 5\n virtual_ipaddress {\n"
        "  ~SEQx(N, 9, 11) 2001:db8::${N}/64 dev d0\n }\n}\n"
    ),
    "SEQ with parameters": _vips("  $F=2\n  $T=4\n  ~SEQ(N, $F, $T) 203.0.113.${N}"),
    "SEQ with parameters in braces": _vips("  $F=2\n  ~SEQ(N, ${F}, 1${F}) 203.0.113.${N}"),
    "SEQ of SEQ": _vips("  ~SEQ(M, 1, 2) ~SEQ(N, 3, 4) 203.0.11${M}.${N}"),
    "SEQ of instances": main(
        "$I=vrrp_instance A${N} { \\\n interface d0 \\\n virtual_router_id ${N} \\\n"
        " unicast_peer { \\\n 10.0.0.3 \\\n } \\\n }\n~SEQ(N, 1, 3) $I\n"
    ),
    "SEQ in a definition": _vips(
        "  $M=~SEQ(N, 1, 2) 203.0.113.${N} \\\n 203.0.113.9\n  $M\n  203.0.113.8"
    ),
    "SEQ by parameter": _vips("  $S=~SEQ(N, 1, 2) 203.0.113.${N}\n  $S"),
    "SEQ, broken": _vips("  ~SEQ(N, a, 2) 203.0.113.${N}\n  ~SEQ(N 1, 2) 203.0.114.${N}"),
    "SEQ, wrong way": _vips("  ~SEQ(N, 1, -1, 2) 203.0.113.${N}\n  203.0.113.9"),
    "SEQ by condition": _vips("  @web-a ~SEQ(N, 1, 2) 203.0.113.${N}\n  203.0.113.9"),
    "SEQ with brace": main(
        "vrrp_instance A {\n interface d0\n virtual_router_id 5\n"
        " virtual_ipaddress { ~SEQ(N, 1, 2) 203.0.113.${N}\n }\n}\n"
    ),
    "LST": _vips("  ~LST(N, 1, 5, 7) 203.0.113.${N}"),
    "LST of sets": _vips("  ~LST({N, D}, {1, d0}, {2, d1}) 203.0.113.${N} dev $D"),
    "LST, short": _vips("  ~LST({N, D}, {1, d0}, {2}, 3) 203.0.113.${N} dev $D"),
    "LST of SEQ": _vips("  ~LST(N, 1, 5) ~SEQ(M, 1, 2) 203.0.11${M}.${N}"),
    "LST, broken": _vips("  ~LST(N 1, 5) 203.0.113.${N}\n  203.0.113.9"),
    "LST, too many": _vips("  ~LST({N, D}, {1, 2, 3}) 203.0.113.${N}\n  203.0.113.9"),
    "tilde": _vips("  ~OTHER(N, 1) 203.0.113.1\n  203.0.113.9"),
    # --- white space, comments, quotes
    "CRLF": {MAIN: (HEAD + instance()).replace("\n", "\r\n")},
    "CR in a line": _one(" priority\r71\n"),
    "tabs": {MAIN: (HEAD + instance()).replace(" ", "\t")},
    "form feed and vertical tab": _one(" priority\f71\n state\vMASTER\n"),
    "form feed at the beginning": _one("\fpriority 71\n"),
    "no-break space": _one(" priority\u00a071\n"),
    "no-break space at the beginning": _one("\u00a0priority 71\n"),
    "no-break space at the end": _one(" priority 71\u00a0\n"),
    "odd spaces": _one(" state\u2003MASTER\n priority\u202871\n nopreempt\u0085\n"),
    "next line": _one(" priority\u008571\n priority\x1c72\n priority\x1f73\n"),
    "byte order mark": {MAIN: "\ufeff" + HEAD + instance()},
    "no final newline": {MAIN: (HEAD + instance()).rstrip()},
    "comments": _one(" # state MASTER\n ! state MASTER\n priority 71 # 72\n priority 73!74\n"),
    "comment glued": _one(" priority 71#72\n state MASTER!\n"),
    "comment in quotes": main(instance('"A # ! B"')),
    "comment escaped": main(instance("A\\#B")),
    "comment escaped, bang": main(instance("A\\!B")),
    "comment escaped at the beginning": _one("\\# priority 71\n\\! priority 72\n"),
    "backslash before others": main(instance("A\\nB\\\\C")),
    "backslash before a quote": main(instance('A\\"B')),
    "backslash at the end": _one(" priority 71 \\\n state MASTER\n"),
    "quote in a comment": _one(' priority 71 # "\n state MASTER\n'),
    "quote open": main(instance(), instance('"B', vrid=6), instance("C", vrid=7)),
    "quote open before a comment": _one(' state MASTER " # x\n priority 71\n'),
    "quote open at a value": _one(' notify_master "/usr/bin/true\n priority 71\n'),
    "quotes": main(instance('"A B"')),
    "quotes, empty": main(instance('""')),
    "quotes, single": main(instance("'A'")),
    "quotes, single with a blank": main(instance("'A B'"), instance("C", vrid=6)),
    "quotes within a word": main(instance('A"B"'), instance("C", vrid=6)),
    "quotes glued": _one(' priority"71"\n'),
    "quotes around a keyword": _one(' "priority" "71"\n'),
    "quotes around a brace": _one(' notify_master "/usr/bin/true { }"\n priority 71\n'),
    "brace in quotes": main(instance('"A{B}"')),
    "umlauts": main(instance("Äpfel")),
    "long line": main(instance("A" * 300)),
    "long comment": _one(" # " + "x" * 5000 + "\n priority 71\n"),
    "line of 1022": _one(" priority 71" + " " * 1010 + "\n state MASTER\n"),
    # --- braces
    "one line": main(
        "vrrp_instance A { interface d0\n virtual_router_id 5\n unicast_peer { 10.0.0.3 }\n"
        " virtual_ipaddress { 203.0.113.1 dev d0 } }\n"
    ),
    "one line for all": main(
        "global_defs { router_id x }\nvrrp_script s { script /usr/bin/true }\n",
        "vrrp_sync_group G { group { A B } }\n",
        instance(),
    ),
    "two addresses on a line": _one(" unicast_peer { 10.0.0.4 10.0.0.5 }\n"),
    "braces glued": main(instance().replace(" {", "{").replace("\n }", "}")),
    "braces on lines of their own": main(instance().replace(" {", "\n{")),
    "braces, closing glued": main(instance().replace("\n}", "}").replace("\n }", "}")),
    "brace and comment": main(instance().replace("{", "{ # x").replace("}", "} ! y")),
    "brace missing": main(
        instance().replace(" unicast_peer {", " unicast_peer "), instance("B", vrid=6)
    ),
    "brace missing at an instance": main(instance().replace("A {", "A"), instance("B", vrid=6)),
    "brace missing at the end": {MAIN: HEAD + instance().rstrip()[:-1]},
    "brace too many": main(instance(), "}\n", instance("B", vrid=6)),
    "block within values": _vips("  203.0.113.1\n  { 203.0.113.2 }\n  203.0.113.3"),
    "unknown keyword": _one(" frobnicate 7\n priority 71\n"),
    "unknown block": main(instance(more=" frobnicate {\n  a b\n }\n"), instance("B", vrid=6)),
    "unknown block at the top": main("frobnicate {\n a b\n}\n", instance()),
    "block without braces": _one(" unicast_peer 10.0.0.9\n"),
    "empty blocks": _one(" virtual_ipaddress {}\n track_script { }\n unicast_peer {\n }\n"),
    # --- other services
    "virtual server": main(
        "virtual_server 10.9.9.9 80 {\n delay_loop 6\n lb_algo rr\n real_server 10.0.0.9 80 {\n"
        "  TCP_CHECK {\n   connect_timeout 3\n  }\n }\n}\n",
        instance(),
    ),
    "virtual server group": main(
        "virtual_server_group G {\n 10.9.9.9 80\n}\nvirtual_server group G { }\n", instance()
    ),
    "statics": main(
        "static_ipaddress {\n 203.0.113.99 dev d1\n}\nstatic_routes { }\n"
        "interface_up_down_delays {\n d1 2\n}\n",
        instance(),
    ),
    "track files and processes": main(
        "track_file F {\n file /tmp/none\n weight 1\n}\nvrrp_track_process P {\n process sh\n}\n",
        instance(more=" track_file {\n  F weight 1\n }\n"),
    ),
    "bfd": main("bfd_instance X {\n neighbor_ip 10.0.0.9\n source_ip 10.0.0.2\n}\n", instance()),
    # --- twice
    "instance twice": main(instance(), instance(more=" state MASTER\n")),
    "instance with two names": main(instance("A B"), instance("C", vrid=6)),
    "instance without a name": main(instance(""), instance("C", vrid=6)),
    "peers twice": _one(" unicast_peer {\n  10.0.0.4\n }\n"),
    "addresses twice": _one(" virtual_ipaddress {\n  203.0.113.10\n  203.0.113.11\n }\n"),
    "keywords twice": _one(
        " priority 71\n priority 72\n interface d1\n unicast_src_ip 10.0.0.9\n"
        " state MASTER\n state BACKUP\n nopreempt\n preempt\n"
    ),
    "state without priority": main(instance(more=" state MASTER\n").replace(" priority 50\n", "")),
    "priority without state": _one(" priority 255\n"),
    "values that are none": _one(" priority 0\n state Master\n"),
    "priority with letters": _one(" priority 70x\n"),
    "globals twice": main("global_defs {\n vrrp_notify_fifo HERE/y.fifo root\n}\n", instance()),
    "FIFO of an unknown user first": {
        MAIN: "global_defs {\n vrrp_notify_fifo HERE/x.fifo root root\n}\n" + instance()
    },
    "both FIFOs": {
        MAIN: "global_defs {\n vrrp_notify_fifo HERE/x root\n notify_fifo HERE/y root\n}\n"
        + instance()
    },
    "FIFO in quotes": {
        MAIN: 'global_defs {\n vrrp_notify_fifo "HERE/x y" "root"\n}\n' + instance()
    },
    "globals on one line": {MAIN: "global_defs { vrrp_notify_fifo HERE/x root }\n" + instance()},
    # --- groups
    "group": main(
        "vrrp_sync_group G {\n group {\n  A\n  B\n }\n}\n", instance(), instance("B", vrid=6)
    ),
    "group on a line": main(
        "vrrp_sync_group G { group { A B } }\n", instance(), instance("B", vrid=6)
    ),
    "group in quotes": main(
        'vrrp_sync_group "G H" {\n group { "A A"\n "B"\n }\n}\n',
        instance('"A A"'),
        instance("B", vrid=6),
    ),
    "group list twice": main(
        "vrrp_sync_group G {\n group {\n  A\n }\n group {\n  B\n }\n}\n",
        instance(),
        instance("B", vrid=6),
    ),
    "group twice": main(
        "vrrp_sync_group G {\n group { A }\n}\nvrrp_sync_group G {\n group { B }\n}\n",
        instance(),
        instance("B", vrid=6),
    ),
    "group of unknown ones": main(
        "vrrp_sync_group G {\n group {\n  A\n  X\n }\n}\nvrrp_sync_group H { group { X } }\n",
        instance(),
    ),
    "member of two groups": main(
        "vrrp_sync_group G { group { A B } }\nvrrp_sync_group H { group { B C } }\n",
        instance(),
        instance("B", vrid=6),
        instance("C", vrid=7),
    ),
    # --- addresses
    "masks": _vips(
        "  203.0.113.1/24\n  203.0.113.2/\n  203.0.113.3/255.255.255.0\n  203.0.113.4/33\n"
        "  203.0.113.5/24x\n  203.0.113.6/+24\n  203.0.113.7/-1\n  203.0.113.8/0x18"
    ),
    "odd addresses": _vips(
        "  203.0.113.01\n  203.0.113\n  0xcb.0.113.1\n  203.0.113.300\n  fe80::1%d0\n  name\n"
        "  203.0.113.9"
    ),
    "options of addresses": _vips(
        "  203.0.113.1 brd + dev d1 scope link label d1:1\n  203.0.113.2/24 brd 203.0.113.255\n"
        "  203.0.113.3 label dev dev d1\n  203.0.113.4 dev d0 dev d1\n  203.0.113.5 dev\n"
        "  203.0.113.6 frob dev d1\n  203.0.113.7/24 peer 10.9.9.9 dev d1\n"
        "  203.0.113.8 label 0123456789abcdef\n  203.0.113.9 brd x"
    ),
    "IPv6": main(
        "vrrp_instance A {\n interface d0\n virtual_router_id 5\n unicast_src_ip fd00::2\n"
        " unicast_peer {\n  FD00::3\n }\n virtual_ipaddress {\n  2001:DB8:0::1/64 dev d0\n"
        "  203.0.113.1\n }\n virtual_ipaddress_excluded {\n  203.0.113.2 dev d0\n }\n}\n"
    ),
    "peers with options": _one(
        " unicast_peer {\n  10.0.0.4 min_ttl 254 max_ttl 255\n  10.0.0.5/24\n  10.0.0.6-9\n"
        "  10.0.0.7 x 1\n  fd00::7\n  10.0.0\n }\n"
    ),
    "source with mask": _one(" unicast_src_ip 10.0.0.2/24\n"),
    "source that is none": _one(" unicast_src_ip 10.0.0\n"),
    "source of the other kind": _one(" unicast_src_ip fd00::2\n"),
    # --- scripts
    "scripts": main(
        'vrrp_script s1 {\n script "/usr/bin/true a b"\n interval 2\n user root\n}\n',
        "vrrp_script s2 {\n interval 2\n}\n",
        instance(more=" track_script {\n  s1 weight 2\n  s2\n  s3\n }\n"),
        "vrrp_script s3 {\n script /usr/bin/true\n}\n",
    ),
    "notifies": _one(
        " notify_master \"/usr/bin/true a 'b c'\" root\n notify_backup /usr/bin/true root root\n"
        " notify_master /usr/bin/false\n notify_fault '/usr/bin/true \"x y\"'\n"
        ' notify /usr/bin/tr\\ue\n notify_stop "/usr/bin/true \\x41\\102\\t."\n'
    ),
    "notify with open quotes": _one(
        " notify_master '/usr/bin/true\n notify_master /usr/bin/test\n"
    ),
    "authentication": _one(" authentication {\n  auth_type PASS\n  auth_pass abcdefghijkl\n }\n"),
    "authentication on a line": _one(" authentication { auth_type AH }\n priority 71\n"),
}
DIFFERENT_SINCE_2_3: Final = ("quote open", "group list twice", "notifies")
"""Forms, all of them mistakes, of which later versions make something else than 2.2.7 does."""
