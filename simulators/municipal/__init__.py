"""The municipal medical insurance platform (市医保), a SOAP service with one method."""

from simulators.municipal.party import MunicipalSim

__all__ = ["MunicipalSim"]
