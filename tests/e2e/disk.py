"""Disks of machines: overlays on a root that stays as it is."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

SIZE_MB = 400


class Disk:
    """An overlay whose changes go to a tmpfs of its own, so a full disk is really full.

    Needs a private mount namespace: what is not unmounted is gone with it.
    """

    def __init__(self, folder: Path, lowers: Sequence[Path]) -> None:
        """`lowers`: the layers below, topmost first."""
        self._folder = folder
        folder.mkdir(parents=True)
        _mount("-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=755", "e2e-disk", str(folder))
        for name in ("upper", "work", "root"):
            (folder / name).mkdir()
        options = (
            f"lowerdir={':'.join(map(str, lowers))},upperdir={folder}/upper,workdir={folder}/work"
        )
        _mount("-t", "overlay", "-o", options, "e2e-root", str(self.root))

    @property
    def root(self) -> Path:
        """The root directory."""
        return self._folder / "root"

    def keep(self, folder: Path) -> None:
        """Have what was changed on it in a folder, as a layer for others; it stays there."""
        folder.mkdir()
        _mount("--bind", str(self._folder / "upper"), str(folder))

    def write(self, path: str, text: str, *, mode: int = 0o644) -> None:
        """Write a file on the disk of a machine that is off."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(mode)

    def close(self) -> None:
        """Unmount."""
        for path in (self.root, self._folder):
            # A process that is just dying may still be in there.
            subprocess.run(["umount", "--lazy", path], check=True)


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"mount {' '.join(arguments)}: {done.stderr.strip()}")
