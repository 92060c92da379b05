"""Scripts that are tracked, scripts that are told, and script security."""

from tests.corpus.setup import SetUp, shell
from tests.corpus.setups.common import OK_SCRIPT, global_defs, instance

SCRIPT = "/etc/keepalived/check.sh"
FILES = {SCRIPT: OK_SCRIPT}
FAILS = {SCRIPT: "#!/bin/sh\nexit 1\n"}
TRACKED = "track_script {\n        chk\n    }"


def checked(*lines: str, script: str = SCRIPT, more: tuple[str, ...] = ()) -> str:
    """Return a file with a tracked script."""
    inner = "".join(f"    {each}\n" for each in (f'script "{script}"', "interval 1", *more))
    return global_defs(*lines) + f"vrrp_script chk {{\n{inner}}}\n" + instance(TRACKED)


SETUPS = (
    SetUp(
        name="script-insecure",
        as_service=True,
        about="No script security: a remark, and it runs.",
        conf=checked(),
        files=FILES,
    ),
    SetUp(
        name="script-insecure-reload-check",
        as_service=True,
        about="The same remark with reload_check_config: it does not start.",
        conf=checked("enable_dbus", "reload_check_config"),
        files=FILES,
    ),
    SetUp(
        name="script-secure-reload-check",
        as_service=True,
        about="script_user and security: nothing to remark.",
        conf=checked("script_user root", "enable_script_security", "reload_check_config"),
        files=FILES,
    ),
    SetUp(
        name="script-writable-by-others",
        about="Others may write the script: with security it is disabled, no more.",
        conf=checked("script_user root", "enable_script_security"),
        files=FILES,
        before=shell(f"chmod 0777 {SCRIPT}"),
    ),
    SetUp(
        name="script-writable-by-others-reload-check",
        as_service=True,
        about="The same with reload_check_config.",
        conf=checked("script_user root", "enable_script_security", "reload_check_config"),
        files=FILES,
        before=shell(f"chmod 0777 {SCRIPT}"),
    ),
    SetUp(
        name="script-writable-by-a-group-reload-check",
        is_wide=True,
        as_service=True,
        about="A group may write the script.",
        conf=checked("script_user root", "enable_script_security", "reload_check_config"),
        files=FILES,
        before=shell(f"chgrp www-data {SCRIPT}; chmod 0775 {SCRIPT}"),
    ),
    SetUp(
        name="script-of-nobody-writable-reload-check",
        is_wide=True,
        as_service=True,
        about="Others may write the script, which does not run as root.",
        conf=checked("script_user nobody", "enable_script_security", "reload_check_config"),
        files=FILES,
        before=shell(f"chmod 0777 {SCRIPT}"),
    ),
    SetUp(
        name="script-missing",
        is_wide=True,
        about="The script is not there.",
        conf=checked("script_user root", "enable_script_security"),
    ),
    SetUp(
        name="script-fails",
        as_service=True,
        about="Without a weight a failure is FAULT.",
        conf=checked(),
        files=FAILS,
    ),
    SetUp(
        name="script-fails-with-weight",
        is_wide=True,
        about="With a weight a failure only lowers the priority.",
        conf=checked(more=("weight -50",)),
        files=FAILS,
    ),
    SetUp(
        name="script-init-fail",
        is_wide=True,
        about="It counts as failed until it has succeeded.",
        conf=checked(more=("init_fail", "rise 1")),
        files=FILES,
    ),
    SetUp(
        name="script-quotes-and-pipe",
        about="Quotes, a pipe and braces in the command.",
        conf=checked(script="/bin/sh -c 'echo {ok} | grep -q ok'"),
    ),
    SetUp(
        name="script-unused",
        is_wide=True,
        about="A script that nobody tracks is a remark.",
        conf=global_defs() + f'vrrp_script old {{\n    script "{SCRIPT}"\n}}\n' + instance(),
        files=FILES,
    ),
    SetUp(
        name="script-unused-reload-check",
        about="The same remark with reload_check_config.",
        conf=global_defs("script_user root", "enable_script_security", "reload_check_config")
        + f'vrrp_script old {{\n    script "{SCRIPT}"\n}}\n'
        + instance(),
        files=FILES,
    ),
    SetUp(
        name="script-not-defined",
        is_wide=True,
        about="A script is tracked that is not defined.",
        conf=global_defs() + instance(TRACKED),
    ),
    SetUp(
        name="script-by-an-old-way",
        is_wide=True,
        about="The command stands in the instance's track_script without a definition before it.",
        conf=global_defs() + instance(TRACKED) + f'vrrp_script chk {{\n    script "{SCRIPT}"\n}}\n',
        files=FILES,
    ),
    SetUp(
        name="notify-scripts",
        about="notify, notify_master and the others, with arguments.",
        conf=global_defs()
        + instance(
            f'notify "{SCRIPT}"',
            f'notify_master "{SCRIPT} master \\"VI 1\\""',
            f"notify_backup {SCRIPT}",
            f"notify_fault '{SCRIPT} fault'",
        ),
        files=FILES,
    ),
    SetUp(
        name="notify-script-user",
        is_wide=True,
        about="A user after the notify script.",
        conf=global_defs("enable_script_security") + instance(f'notify_master "{SCRIPT}" root'),
        files=FILES,
    ),
    SetUp(
        name="track-process-missing",
        about="A process that does not run is tracked: FAULT.",
        conf=global_defs()
        + "vrrp_track_process p {\n    process haproxy\n}\n"
        + instance("track_process {\n        p\n    }"),
    ),
    SetUp(
        name="track-file",
        is_wide=True,
        about="A file's number is added to the priority.",
        conf=global_defs()
        + 'track_file f {\n    file "/run/weight"\n    weight 1\n}\n'
        + instance("track_file {\n        f\n    }"),
        before=shell("echo 20 >/run/weight"),
    ),
    SetUp(
        name="track-file-says-fault",
        about="The file holds -255: FAULT.",
        conf=global_defs()
        + 'track_file f {\n    file "/run/weight"\n    weight 1\n}\n'
        + instance("track_file {\n        f weight 1\n    }"),
        before=shell("echo -254 >/run/weight"),
    ),
    SetUp(
        name="track-interface",
        is_wide=True,
        about="The public interface is tracked.",
        conf=global_defs() + instance("track_interface {\n        eth0\n    }"),
    ),
    SetUp(
        name="track-interface-down",
        about="A tracked interface is down.",
        conf=global_defs() + instance("track_interface {\n        eth1\n    }"),
        before=shell("ip link add eth1 type veth peer name eth2"),
    ),
)
