"""The e-invoice platform as a party: the Bosssoft wrapper on the port. Another platform is another `Platform` here."""

from __future__ import annotations

from typing import Final

from engine.parties.einvoice.bosssoft import BOSSSOFT, Settings, signature
from engine.parties.einvoice.port import EInvoice

__all__ = ["PARTY", "Settings", "signature"]

PARTY: Final = EInvoice(BOSSSOFT)
