"""`make bench`: what hakeeper costs and how fast it is, beside what people use instead."""
