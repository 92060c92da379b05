"""What an operator asks of this node by a command: a pause, a take, a step-down."""
