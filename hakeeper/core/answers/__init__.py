"""What follows from the end of a call: from its answer, from its failure, and from both."""
