"""Run a module of Ansible's community.hrobot: ansible_module.py FOLDER URL MODULE.

Its arguments come on stdin. The collection has the URL of Robot hard-coded, and no option for it;
so it is set before a module reads it, and the rest of the code is as it came. Debian's Python runs
this, as it runs Debian's Ansible.
"""

import importlib
import sys

_HROBOT = "ansible_collections.community.hrobot.plugins"


def main() -> None:
    """Run the module, which ends the process."""
    folder, url, name = sys.argv[1:]
    del sys.argv[1:]  # else the module takes them for its arguments
    sys.path.insert(0, folder)
    vars(importlib.import_module(f"{_HROBOT}.module_utils.robot"))["BASE_URL"] = url
    importlib.import_module(f"{_HROBOT}.modules.{name}").main()


if __name__ == "__main__":
    main()
