"""What the core heard, written down as JSON lines, and fed to a fresh core again."""
