"""Tables that stand for a party's ledger where it serves none: who may be told of by one, what it must hold, and the
empty one to fill."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.console.asked import Asked
from engine.runtime.books_columns import AMOUNTS, COLUMNS, HEADS, KINDS, REQUIRED, STATES, both, template
from engine.runtime.books_sources import with_books
from engine.runtime.books_view import Role
from engine.site.site import Site

FILES_MAX = 20  # of one form
FORM_BYTES = 16 << 20  # of one form with tables, where the listener takes as much
CSV = "text/csv; charset=utf-8"
NEEDED = (*REQUIRED, *AMOUNTS)


def room(site: Site) -> int:
    """Bytes of one form with tables: never more than the console's listener takes of a request."""
    console = site.engine.console
    return FORM_BYTES if console is None else min(FORM_BYTES, site.engine.listeners[console.at].body_bytes)


def hands(site: Site) -> list[tuple[str, Role]]:
    """Parties whose book can be handed in as a table: those with a part in the books."""
    return list(with_books(site.engine.parties)[0].items())


def empty_table(site: Site, party: str, language: str) -> bytes | None:
    """A party's table with its heads alone; None for a party without a part in the books."""
    role = dict(hands(site)).get(party)
    return None if role is None else template(role, language)


async def tables(asked: Asked) -> Mapping[str, Any]:
    """What each party's table must hold."""
    place = 0 if asked.language == "zh" else 1

    def said(name: str, words: Mapping[str, str]) -> str:
        return both(name, words)[place]

    site = asked.node.site()
    roles: dict[Role, list[str]] = {}
    for name, role in hands(site):
        roles.setdefault(role, []).append(name)
    return {
        "roles": [(role, names, [(said(name, HEADS), name in NEEDED, name) for name in COLUMNS[role]],
                   [said(name, KINDS[role]) for name in dict.fromkeys(KINDS[role].values())])
                  for role, names in roles.items()],
        "states": [said(name, STATES) for name in STATES],
        "fen": [said(name, HEADS) for name in HEADS.values() if name.endswith("_fen")],
        "example": dict(zip(("head", "head_en"), next(iter(HEADS.items())), strict=True))
        | dict(zip(("word", "word_en"), next(iter(KINDS[Role.HIS].items())), strict=True)),
        "kind_of": asked.kind, "room": room(site), "files_max": FILES_MAX, "refresh": 0,
    }  # fmt: skip

