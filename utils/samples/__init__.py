"""Sample worlds: small data sets drawn from a seed, whose truth is known."""
