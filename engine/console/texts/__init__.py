"""Every word of the console, in Chinese and English: one table a page. A page sees the shared table and its own."""

from __future__ import annotations

from collections.abc import Mapping

from engine.console.texts import (
    books,
    by_hand,
    calls,
    channels,
    config,
    help,
    login,
    messages,
    overview,
    settlement,
    settlements,
    shared,
    tables,
    tasks,
)

Pair = tuple[str, str]
Table = Mapping[str, Pair]
LANGUAGES = ("zh", "en")

PAGES: Mapping[str, Table] = {
    "overview": overview.TEXTS,
    "settlements": settlements.TEXTS,
    "settlement": settlement.TEXTS,
    "tasks": tasks.TEXTS,
    "channels": channels.TEXTS,
    "channel": channels.TEXTS,
    "routes": channels.TEXTS,
    "config": config.TEXTS,
    "turn": config.TEXTS,
    "explain": config.TEXTS,
    "history": channels.TEXTS,
    "codes": channels.TEXTS,
    "calls": calls.TEXTS,
    "call": calls.TEXTS,
    "messages": messages.TEXTS | by_hand.TEXTS,
    "one_message": messages.TEXTS | by_hand.TEXTS,
    "replay": messages.TEXTS | by_hand.TEXTS,
    "edit_message": messages.TEXTS | by_hand.TEXTS,
    "states": help.TEXTS,
    "books": books.TEXTS,
    "tables": tables.TEXTS,
    "login": login.TEXTS,
    "message": login.TEXTS,
}
"""Page (its template's name) → its own words."""

SHARED: Table = shared.TEXTS


def say(page: str, key: str, language: str) -> str:
    """The words under a key; KeyError for a key that neither the page nor the shared table has."""
    pair = PAGES[page].get(key) or SHARED[key]
    return pair[LANGUAGES.index(language)]


def word(group: str, value: object, language: str) -> str:
    """The word for a value of ours (`state.settled`); a value nobody gave a word speaks for itself."""
    pair = SHARED.get(f"{group}.{value}")
    return pair[LANGUAGES.index(language)] if pair else str(value)
