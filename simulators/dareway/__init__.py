"""Dareway's web methods: login and invoke."""

from simulators.dareway.party import DarewaySim

__all__ = ["DarewaySim"]
