"""Scenario files and the shared clock: recorded, replayed, jumped."""
