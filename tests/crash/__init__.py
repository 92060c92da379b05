"""The real daemon, killed by itself at chosen boundaries; none of this is in what we ship."""
