"""The hospital's HIS behind its JSON gateway."""

from simulators.his.party import HisSim

__all__ = ["HisSim"]
