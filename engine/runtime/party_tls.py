"""TLS towards a party, its files read now."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from engine.config.engine_parts import PartyEntry
from engine.config.party_tls import SECURE
from engine.config.secret import SecretRef, resolve_secret
from engine.connectors.tls import TlsOptions, client_tls


def tls_of(entry: PartyEntry, root: Path) -> TlsOptions | None:
    """How to speak TLS with this party, tried out; None where its address is not encrypted. Errors: SecretMissing,
    ValueError (a text that is no certificate, a key of another one)."""
    place = urlsplit(entry.url)
    if place.scheme not in SECURE:
        return None
    if entry.tls is None:
        return TlsOptions()

    def read(ref: SecretRef | None) -> bytes:
        return b"" if ref is None else resolve_secret(ref, root)

    made = TlsOptions(read(entry.tls.ca), read(entry.tls.certificate), read(entry.tls.key), entry.tls.name)
    client_tls(made, place.hostname or "")
    return made
