"""The `soap` part of channels: a listener with an address, a path of its own."""

from __future__ import annotations

from engine.config.channel_soap import SoapRows
from engine.config.problems import Mark, nearest
from engine.site.parts import Parts
from engine.site.soap_spec import SoapSpec


def check_soap(parts: Parts) -> None:
    """Every `soap` part; problems are noted in `parts`."""
    taken: dict[tuple[str, str], Mark] = {}
    for channel in parts.channels.values():
        if channel.listen is not None:
            route = channel.listen.request
            taken.setdefault((str(channel.listen.at), str(route.path)), route.path.mark)
    for channel in parts.channels.values():
        rows = channel.soap
        if rows is None or parts.engine is None:
            continue
        doors = parts.engine.listeners
        door = doors.get(rows.at)
        if (door is None and rows.at not in parts.engine.written) or (door is not None and door.http is None):
            fit = [name for name, one in doors.items() if one.http is not None]
            parts.wrong("E308", rows.at.mark, name=rows.at, hint=nearest(rows.at, fit))
        first = taken.setdefault((str(rows.at), str(rows.path)), rows.path.mark)
        if first != rows.path.mark:
            told = f"SOAP {rows.path}"
            parts.wrong("E501", rows.path.mark, route=told, file=first.file, line=first.line)


def compiled_soap(rows: SoapRows | None) -> SoapSpec | None:
    """The part of a channel in which lint found no mistake."""
    return None if rows is None else SoapSpec(str(rows.at), str(rows.path))
