"""Neusoft's BUSINESS_HANDLE behind a bridge."""

from simulators.neusoft.party import NeusoftSim

__all__ = ["NeusoftSim"]
