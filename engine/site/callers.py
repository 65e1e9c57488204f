"""Who may speak to us, and where: callbacks that nobody hears or could believe, and clients that are one another."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from urllib.parse import urlsplit

from pydantic import BaseModel

from engine.config.channel_rows import Hear
from engine.config.engine_file import EngineFile
from engine.config.engine_parts import PartyEntry
from engine.config.secret import SecretRef
from engine.config.spec import Word, mark_of
from engine.site.parts import Parts


def check_callers(parts: Parts) -> None:
    """Events of parties that can never be heard; problems are noted in `parts`."""
    if parts.engine is not None:
        for hear in _heard(parts):
            _believable(parts, hear)


def shared_secrets(parts: Parts) -> None:
    """Clients, or people of the console, whose secret is another's: the one can act in the other's name."""
    if parts.engine is None:
        return
    seen: dict[SecretRef, str] = {}
    for name, ref in _own_secrets(parts.engine):
        where = SecretRef(ref.kind, posixpath.normpath(ref.place) if ref.kind == "file" else ref.place)
        other = seen.setdefault(where, name)
        if other != name:
            parts.wrong("W514", mark_of(name), name=name, other=other, ref=ref)


def unheard(parts: Parts) -> None:
    """Addresses that parties are told to report to, where no channel hears them: a 404 for every notice."""
    if parts.engine is None:
        return
    doors = parts.engine.listeners
    heard: dict[str, set[str]] = {}
    for hear in _heard(parts):
        door = doors.get(str(hear.at))
        if door is not None and door.path:
            heard.setdefault(str(hear.party), set()).add(door.path)
    for name, entry in parts.engine.parties.items():
        paths = sorted(heard.get(name, ()))
        setting = _said(_model(parts, entry), "callback_url")
        url = entry.settings.get(setting[0]) if setting else None
        if not setting or not isinstance(url, Word) or any(urlsplit(url).path.endswith(path) for path in paths):
            continue
        meant = urlsplit(url)._replace(path=paths[0], query="", fragment="").geturl() if paths else ""
        parts.wrong("W513", url.mark, hint=meant, name=name, setting=setting[0], path=urlsplit(url).path or "/",
                    heard="、".join(paths) or "—")  # fmt: skip


def _heard(parts: Parts) -> Iterator[Hear]:
    for channel in parts.channels.values():
        for hear in channel.hears:
            if hear.at is not None and hear.party is not None:
                yield hear


def _believable(parts: Parts, hear: Hear) -> None:
    """What a party sends is heard only where its kind sends something, and where we can tell that it is from there."""
    assert parts.engine is not None  # the caller has looked
    assert hear.party is not None
    entry = parts.engine.parties.get(hear.party)
    model = _model(parts, entry) if entry is not None else None
    if entry is None or model is None:
        return
    keys = _said(model, "callback_keys")
    if not keys:
        parts.wrong("E537", hear.party.mark, party=hear.party, kind=entry.kind)
    elif not any(entry.settings.get(key) or model.model_fields[key].is_required() for key in keys):
        parts.wrong("E538", hear.party.mark, party=hear.party, keys="、".join(keys))


def _model(parts: Parts, entry: PartyEntry) -> type[BaseModel] | None:
    return parts.parties[entry.kind].settings if entry.kind in set(parts.parties) else None


def _said(model: type[BaseModel] | None, name: str) -> tuple[str, ...]:
    said = getattr(model, name, ())
    return (said,) if isinstance(said, str) and said else tuple(said)


def _own_secrets(engine: EngineFile) -> Iterator[tuple[str, SecretRef]]:
    """By name, each a `Word` of engine.yaml: clients, then people of the console."""
    for name, client in engine.clients.items():
        yield name, client.secret
    for name, user in engine.console.users.items() if engine.console else ():
        yield name, user.password
