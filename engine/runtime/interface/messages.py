"""The messages that deliver channels take from outside, for the interface document: where, which, what is read of them,
and what their sender hears."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from engine.config.listener_parts import Listener
from engine.runtime.interface import tables
from engine.runtime.interface.words import Both
from engine.site.deliver_spec import DeliverSpec
from engine.site.site import Site

_PLACES: Final = {
    "mllp": Both("HL7 · MLLP", "HL7 · MLLP"),
    "drop": Both("HL7 文件，放在目录里", "HL7 in files of a directory"),
    "sftp": Both("HL7 文件，放在 SFTP 目录里", "HL7 in files of an SFTP directory"),
    "poll": Both("视图的行，由引擎读取", "rows of a view, read by the engine"),
    "http": Both("HTTP JSON", "HTTP JSON"),
}
STORED: Final = Both("存盘即答 AA", "AA once it is on the disk")
FILES: Final = Both(
    "没有应答：收下的文件移入 archive，收不下的移入 error，旁边写明原因",
    "no acknowledgement: a file goes to archive once it is taken, else to error with the reason beside it",
)
ROWS: Final = Both("没有应答：引擎自己来读", "no acknowledgement: the engine reads them itself")


def taken(site: Site) -> list[dict[str, Any]]:
    """Each deliver channel that somebody outside sends to or puts before the engine."""
    return [
        {"name": name, "title": channel.title, **_one(site, channel.deliver)}
        for name, channel in site.channels.items()
        if channel.deliver is not None and channel.deliver.form != "tell"
    ]


def _one(site: Site, spec: DeliverSpec) -> dict[str, Any]:
    door = site.engine.listeners[spec.at]
    kind = next(one for one in _PLACES if getattr(door, one) is not None) if spec.request is None else "http"
    return {
        "kind": kind,
        "where": _PLACES[kind],
        "port": door.mllp[1] if door.mllp is not None else 0,
        "tls": door.tls is not None,
        "path": f"{spec.request.method} {spec.request.path}" if spec.request is not None else "",
        "charset": door.usual_charset,
        "events": spec.events,
        "answered": _answered(spec, door),
        "ordered": place_of(spec.ordered_by) if spec.ordered_by else "",
        "checked": spec.check and door.mllp is not None,
        "reads": sorted(set(_read(spec)), key=_by_segment),
        "columns": list(door.poll.columns) if door.poll is not None else [],
        "once_by": ", ".join(spec.once_by),
        "rows": tables.schema_rows(site, spec.schema) if spec.schema else [],
    }


def _answered(spec: DeliverSpec, door: Listener) -> Both:
    if door.mllp is None and spec.request is None:
        return ROWS if door.poll is not None else FILES
    if not spec.ack_delivered:
        return STORED
    within = round(spec.answer_within)
    return Both(
        f"各接收方都收下才答 AA；{within} 秒内没有收齐答 AE，消息照发，重发者再等",
        f"AA when every receiver has it; AE after {within} s, the message goes on, and who repeats it waits again",
    )


def _read(spec: DeliverSpec) -> Iterator[str]:
    """The places of HL7 messages that keys, conditions and maps read."""
    paths = [spec.ordered_by, *(spec.when.paths if spec.when is not None else ())]
    for one in spec.to.values():
        paths += one.send.reads if one.send is not None else ()
        paths += one.when.paths if one.when is not None else ()
    yield from (place_of(path) for path in paths if path.startswith("hl7.") and "_" in path)


def place_of(path: str) -> str:
    """`hl7.PID_3_1` and `hl7.OBX[].OBX_5` as HL7 writes them; another path as it is."""
    if not path.startswith("hl7."):
        return path
    segment, *numbers = path.rpartition(".")[2].replace("[]", "").split("_")
    return f"{segment}-{'.'.join(numbers)}" if numbers else segment


def _by_segment(place: str) -> tuple[str, list[int]]:
    segment, _, numbers = place.partition("-")
    return segment, [int(one) for one in numbers.split(".") if one.isdecimal()]
