"""What each outside platform expects: canonical strings, signatures, envelopes, what its answers mean. Pure."""
