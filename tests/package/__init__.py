"""The Debian package, sdist and wheel; not called `packaging`, which is a library of pytest's."""
