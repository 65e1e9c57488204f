"""How a party of a site is reached: its code, its settings, its sender, its certificates, put together."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from engine.connectors.tls import TlsOptions
from engine.core.world import World
from engine.parties.registry import PARTIES
from engine.runtime.connections import Link
from engine.runtime.party_tls import tls_of
from engine.runtime.senders import Sender, sender_for
from engine.site.settings import settings_of
from engine.site.site import Site


def link_of(world: World, root: Path, site: Site, name: str) -> Link:
    """The link to this party. Its secrets and certificates are read, in `root`, when it is opened."""
    entry, reply_max = site.engine.parties[name], site.engine.limits.body_bytes
    party = PARTIES[entry.kind]

    def settings() -> Any:
        return settings_of(entry, party, root, site.files)

    def sender(tls: TlsOptions | None) -> Sender:
        return sender_for(world, entry, str(site.engine.name), reply_max, settings, tls)

    return Link(party, settings, sender, partial(tls_of, entry, root))
