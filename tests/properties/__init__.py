"""What holds for all inputs, tried on many of them: the same ones in every run."""
