"""A commercial health insurer that pays hospitals directly (商保直赔)."""

from simulators.commercial.party import CommercialSim

__all__ = ["CommercialSim"]
