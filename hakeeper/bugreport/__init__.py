"""`hakeeper bugreport`: one archive with all that explains what hakeeper did, and no secret."""
