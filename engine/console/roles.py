"""Which page is for whom: a user's roles in engine.yaml (`console.users`) open these pages and no others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.config.engine_parts import ROLES

EVERYBODY = frozenset(ROLES)
TECHNICAL = frozenset({"look", "operate", "admin"})  # with the parties' bytes and the configuration
CHANGES = frozenset({"operate", "admin"})  # who takes another configuration
HANDS = frozenset({"operate", "admin"})  # who sends messages again, gives them up, stops channels and receivers
FINANCE = frozenset({"finance", "admin"})

OPENS: Mapping[str, frozenset[str]] = {
    "overview": EVERYBODY,
    "settlements": EVERYBODY,
    "settlement": EVERYBODY,
    "tasks": EVERYBODY,
    "states": EVERYBODY,
    "calls": TECHNICAL,
    "call": TECHNICAL,
    "messages": TECHNICAL,
    "one_message": TECHNICAL,
    "replay": HANDS,
    "channels": TECHNICAL,
    "channel": TECHNICAL,
    "routes": TECHNICAL,
    "history": TECHNICAL,
    "codes": TECHNICAL,
    "explain": TECHNICAL,
    "config": CHANGES,
    "turn": CHANGES,
    "books": FINANCE,
    "tables": FINANCE,
}
"""Page → the roles that may see it; one of them is enough."""


BY_HAND = "replay"
"""The page that stands for the right to act on messages: who may open it has the buttons of the others, too."""


def may(roles: Iterable[str], page: str) -> bool:
    """Whether somebody with these roles may see the page; KeyError for a page nobody decided about."""
    return not OPENS[page].isdisjoint(roles)


def roles_of(page: str) -> tuple[str, ...]:
    """Who may see it, in the order of engine.yaml."""
    return tuple(role for role in ROLES if role in OPENS[page])
