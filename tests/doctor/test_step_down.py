"""Which instances `hakeeper step-down` would lower, by keepalived.conf alone."""

from pathlib import Path

import pytest

from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.doctor.checks.step_down import track_file_lines, untracked
from hakeeper.doctor.conf.configuration import KeepalivedConf
from hakeeper.doctor.gather.keepalived import read_conf

PATH = "/run/hakeeper-step-down"
VI_1, VI_2 = (VrrpId(VrrpKind.INSTANCE, name) for name in ("VI_1", "VI_2"))
GROUP = VrrpId(VrrpKind.GROUP, "G")

DEFINED = """
track_file hakeeper {
    file "/run/hakeeper-step-down"
    weight 1
}
"""
TRACKED = "    track_file {\n        hakeeper\n    }\n"
INSTANCE = "vrrp_instance %s {\n    interface eth0\n    virtual_router_id 51\n%s}\n"
BOTH = INSTANCE % ("VI_1", "") + INSTANCE % ("VI_2", "")


def read(folder: Path, text: str) -> KeepalivedConf:
    path = folder / "keepalived.conf"
    path.write_text(text)
    found = read_conf(path, "web-a")
    assert isinstance(found, KeepalivedConf)
    return found


@pytest.mark.parametrize(
    ("text", "vrrps"),
    [
        (DEFINED + INSTANCE % ("VI_1", TRACKED), (VI_1,)),
        (INSTANCE % ("VI_1", TRACKED) + DEFINED, (VI_1,)),
        (DEFINED.replace("track_file", "vrrp_track_file") + INSTANCE % ("VI_1", TRACKED), (VI_1,)),
        (DEFINED.replace("    weight 1\n", "") + INSTANCE % ("VI_1", TRACKED), (VI_1,)),
        (
            DEFINED.replace("weight 1", "weight 5")
            + INSTANCE % ("VI_1", TRACKED.replace("hakeeper", "hakeeper weight 1")),
            (VI_1,),
        ),
        (
            DEFINED + "vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n    }\n"
            f"{TRACKED}}}\n{BOTH}",
            (VI_1, VI_2, GROUP),
        ),
    ],
    ids=["usual", "below", "old word", "default weight", "weight where it is tracked", "group"],
)
def test_what_tracks_the_file_is_lowered(
    tmp_path: Path, text: str, vrrps: tuple[VrrpId, ...]
) -> None:
    assert [] == [*untracked(read(tmp_path, text), PATH, vrrps)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (INSTANCE % ("VI_1", ""), "VI_1 does not track /run/hakeeper-step-down ("),
        (INSTANCE % ("VI_1", TRACKED), "VI_1 does not track "),
        (DEFINED + INSTANCE % ("VI_1", ""), "VI_1 does not track "),
        (DEFINED.replace("-down", "-up") + INSTANCE % ("VI_1", TRACKED), "VI_1 does not track "),
        (DEFINED.replace("weight 1", "weight 0") + INSTANCE % ("VI_1", TRACKED), "VI_1 does not "),
        (DEFINED.replace("weight 1", "weight 2") + INSTANCE % ("VI_1", TRACKED), "VI_1 does not "),
        (
            DEFINED.replace("weight 1", "weight 1 reverse") + INSTANCE % ("VI_1", TRACKED),
            "VI_1 does not track ",
        ),
        (
            DEFINED + INSTANCE % ("VI_1", f"    priority 255\n{TRACKED}"),
            "VI_1 has priority 255, which nothing lowers",
        ),
        (DEFINED + INSTANCE % ("VI_9", TRACKED), "keepalived.conf has no VI_1"),
    ],
)
def test_what_does_not_is_told(tmp_path: Path, text: str, said: str) -> None:
    [found] = untracked(read(tmp_path, text), PATH, (VI_1,))
    assert said in found


def test_a_group_is_lowered_with_all_its_members(tmp_path: Path) -> None:
    group = "vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n    }\n}\n"
    text = DEFINED + group + INSTANCE % ("VI_1", TRACKED) + INSTANCE % ("VI_2", "")
    [found] = untracked(read(tmp_path, text), PATH, (GROUP,))
    assert found.startswith("VI_2 does not track ")


def test_the_lines_that_are_shown_do_it(tmp_path: Path) -> None:
    above, inside = track_file_lines(PATH).split("}\n", 1)
    text = f"{above}}}\n" + INSTANCE % ("VI_1", inside)
    assert [] == [*untracked(read(tmp_path, text), PATH, (VI_1,))]
