"""What a settlement leaves behind is read again: by who is told of it, and by the rows of a statement.

Both read the data a settlement has at its end, and may serve several settle channels: a path is wrong when none of
those has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from engine.config.channel import ChannelFile
from engine.config.problems import Mark
from engine.site.data import ROW, closed, missing, nearest_path
from engine.site.deliver import MESSAGE, OWN, reads_of
from engine.site.parts import Parts

_ENDED = ("how", "back", "code")
_ROW_LEG = ("number", "call", "undo", "refunded", "day", "of")
_ROW_SETTLEMENT = ("no", "channel", "created_at")


def check_handed(parts: Parts) -> None:
    """After the flow, which says what is known at each channel's end; problems are noted in `parts`."""
    if any(kind == "channel" for kind, _ in parts.broken):
        return  # it may be the one that is meant
    for channel in parts.channels.values():
        if channel.deliver is not None and channel.deliver.listen.tell:
            _told(parts, channel)
        if channel.statement is not None:
            _rows(parts, channel)


def _told(parts: Parts, channel: ChannelFile) -> None:
    assert channel.deliver is not None
    lets: dict[str, Any] = {str(name): {} for name in channel.let}
    extra = {"ended": closed(_ENDED), "message": closed(MESSAGE), "own": closed(OWN), "hospital": None, **lets}
    ends = [{**known, **extra} for name, known in parts.ends.items() if _tells(parts.channels[name], str(channel.name))]
    for path, mark, what in reads_of(parts, channel, channel.deliver) if ends else ():
        found = _nowhere(ends, path, mark, parts)
        if found is not None:
            parts.wrong("E331", mark, path=path, what=what, hint=found)


def _tells(channel: ChannelFile, name: str) -> bool:
    steps = (step.name for step in (*channel.steps, *channel.final) if step.verb == "tell")
    return name in {str(one) for one in (*steps, *(row.tell for row in channel.ends))}


def _rows(parts: Parts, channel: ChannelFile) -> None:
    statement = channel.statement
    made = parts.maps.get(str(statement.row)) if statement is not None else None
    if statement is None or made is None or not set(ROW) <= {target.partition(".")[0] for target in made.makes}:
        return  # a map that is no row at all is told as such
    groups = {target.split(".")[1] for target in made.makes if target.startswith("group.")}
    for group in statement.groups if groups else ():
        for name in group:
            if name not in groups:
                mark = statement.row.mark
                parts.wrong("E530", mark, name=statement.row, target=f"group.{name}")
    extra = {"leg": closed(_ROW_LEG), "settlement": closed(_ROW_SETTLEMENT), "hospital": None}
    settled = {str(name) for name in statement.settled}
    ends = [{**known, **extra} for name, known in parts.ends.items() if settled & set(_steps(parts.channels[name]))]
    for path, mark in made.reads.items() if ends else ():
        found = _nowhere(ends, path, mark, parts)
        if found is not None:
            where = f"{channel.name} · statement.row"
            parts.wrong("E313", mark, path=path, hint=found, where=where, where_en=where)


def _steps(channel: ChannelFile) -> Iterator[str]:
    return (str(step.name) for step in (*channel.steps, *channel.final))


def _nowhere(ends: Iterable[dict[str, Any]], path: str, mark: Mark, parts: Parts) -> str | None:
    """The nearest path of a channel when no channel has this one; None when one has, or it has been told already."""
    lost = [missing(known, path) for known in ends]
    found = [one for one in lost if one is not None]
    if len(found) < len(lost) or (mark, path) in parts.told:
        return None
    parts.told.add((mark, path))
    return next(filter(None, (nearest_path(path, one) for one in found)), "")
