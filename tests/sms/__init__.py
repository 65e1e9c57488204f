"""Short messages after a settlement: never two where the provider can be asked."""
