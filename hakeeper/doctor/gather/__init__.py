"""Looking: every module returns facts. Nothing is changed, and nothing waits without a limit."""
