"""keepalived is told to read its configuration again: good, unchanged, broken."""

from hakeeper.demo.lab import LabSettings, VrrpSettings, is_event, settle
from tests.support.lab_scene import MakeScene
from tests.support.waiting import eventually


def test_a_reload_moves_nothing_and_the_next_failover_is_heard(make_scene: MakeScene) -> None:
    scene = make_scene(LabSettings())
    scene.go()
    seq = scene.last_seq()

    for node in scene.lab.nodes:
        before = node.keepalived.log_text().count("Reloading")
        node.keepalived.reload()
        eventually(lambda: node.keepalived.log_text().count("Reloading") > before)  # noqa: B023  # asked at once
    settle(scene.lab)
    assert scene.assigns_after(seq) == []
    assert scene.holders() == {"web": "a"}

    assert scene.a.keepalived.stop() == 0
    scene.lab.wait_for_master(scene.b)
    settle(scene.lab)
    assert scene.holders() == {"web": "b"}


def test_a_fifo_that_keepalived_makes_anew_at_a_reload_is_followed(make_scene: MakeScene) -> None:
    scene = make_scene(LabSettings())
    for node in scene.lab.nodes:
        node.remove_fifo()  # so keepalived makes its own, and another one at each reload
    scene.lab.start_keepalived()
    scene.lab.start_hakeeper()
    scene.lab.wait_for_master(scene.a)
    settle(scene.lab)

    before = scene.b.paths.fifo.stat()
    seen = len(scene.b.hakeeper.entries())
    scene.b.keepalived.reload()
    eventually(lambda: scene.b.keepalived.has_open(scene.b.paths.fifo), what="a new FIFO")
    scene.b.hakeeper.wait_for_log(is_event("fifo.replaced"), timeout_s=10, after=seen)
    assert scene.b.paths.fifo.stat().st_ctime_ns != before.st_ctime_ns

    assert scene.a.keepalived.stop() == 0
    scene.lab.wait_for_master(scene.b)
    settle(scene.lab)
    assert scene.holders() == {"web": "b"}


def test_a_reload_with_a_broken_config_kills_keepalived_and_the_address_moves(
    make_scene: MakeScene,
) -> None:
    scene = make_scene(LabSettings(vrrp=VrrpSettings(reload_check_config=False)))
    scene.go()

    scene.a.keepalived.write_broken_conf()
    scene.a.keepalived.reload()
    eventually(lambda: not scene.a.keepalived.running, what="keepalived to give up")
    scene.lab.wait_for_master(scene.b)
    settle(scene.lab)
    assert scene.holders() == {"web": "b"}
    assert scene.a.has_vip("10.99.0.100/32"), "the dead one left its VIP, as it does"
    scene.a.hakeeper.wait_for_log(is_event("keepalived.gone"), timeout_s=5)

    scene.a.keepalived.write_conf()
    scene.a.keepalived.start()
    scene.lab.wait_for_master(scene.a)
    settle(scene.lab)
    assert scene.holders() == {"web": "a"}


def test_a_broken_config_that_keepalived_checks_first_changes_nothing(
    make_scene: MakeScene,
) -> None:
    scene = make_scene(LabSettings(vrrp=VrrpSettings(reload_check_config=True)))
    scene.go()
    seq = scene.last_seq()

    scene.a.keepalived.write_broken_conf()
    before = scene.a.keepalived.log_text()
    scene.a.keepalived.reload()
    eventually(
        lambda: "failed validation" in scene.a.keepalived.log_text().removeprefix(before),
        what="keepalived to refuse the configuration",
    )
    settle(scene.lab)
    assert scene.a.keepalived.running
    assert scene.assigns_after(seq) == []
    assert scene.holders() == {"web": "a"}
