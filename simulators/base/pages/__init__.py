"""The page of every simulator: state, books, both sides' bytes, buttons, faults, clock."""
