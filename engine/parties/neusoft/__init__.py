"""Neusoft (东软): one function, `^` between parts and `|` behind fields."""
