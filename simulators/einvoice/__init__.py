"""The e-invoice platform (医疗电子票据, Bosssoft wrapper)."""

from simulators.einvoice.party import EinvoiceSim

__all__ = ["EinvoiceSim"]
