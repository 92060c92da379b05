"""`hakeeper demo`: as a process, and its judgement on histories made by hand."""
