"""Names that must lead somewhere: parties, operations, calls, maps, schemas, listeners, events; each used but once."""

from __future__ import annotations

from collections.abc import Iterator

from engine.config.channel import ChannelFile
from engine.config.channel_rows import CallRow, StepRow
from engine.config.problems import Mark, nearest
from engine.config.spec import Word, mark_of
from engine.config.types import Route
from engine.core.money import AMOUNTS
from engine.parties.contract import Op
from engine.pipeline.field_map import FieldMap
from engine.site.parts import Parts

BASE_NAMES = frozenset(
    ["request", "client", "settlement", "hospital", "own", "of", "now", "answer", "code", "text", "made"]
)


def check_names(parts: Parts) -> None:
    """Every name of every channel; problems are noted in `parts`."""
    for channel in parts.channels.values():
        for call in channel.calls.values():
            _call(parts, call)
        _doors(parts, channel)
        _steps(parts, channel)
        _single(parts, channel)
    _routes(parts)


def op_of(parts: Parts, call: CallRow) -> Op | None:
    """The operation a call makes, or None when it cannot be known."""
    entry = parts.engine.parties.get(call.to) if parts.engine else None
    if entry is None or entry.kind not in set(parts.parties):
        return None
    return parts.parties[entry.kind].ops.get(call.op)


def used_calls(channel: ChannelFile) -> Iterator[tuple[str, Word]]:
    """(role, call) wherever a channel uses a call."""
    for step in (*channel.steps, *channel.final):
        if step.verb in ("do", "observe"):
            for role in ("do", "ask", "stop", "undo"):
                word = step.word(role)
                if word is not None:
                    yield role, word
    for call in channel.calls.values():
        if call.ask is not None:
            yield "ask", call.ask
    if channel.call is not None:
        yield "do", channel.call
    for word in channel.do:
        yield "do", word


def _call(parts: Parts, call: CallRow) -> None:
    if parts.engine is not None:
        entry = parts.engine.parties.get(call.to)
        if entry is None and call.to not in parts.engine.written:
            parts.wrong("E305", call.to.mark, name=call.to, hint=nearest(call.to, parts.engine.parties))
        elif entry is not None and entry.kind in set(parts.parties):
            ops = parts.parties[entry.kind].ops
            if call.op not in ops:
                parts.wrong("E306", call.op.mark, kind=entry.kind, op=call.op, hint=nearest(call.op, ops))
    _with(parts, call.send, "make")
    _with(parts, call.read, "read")
    _with(parts, call.fact, "fact")


def _with(parts: Parts, name: Word | None, part: str) -> FieldMap | None:
    """The map of a name, which must have a part (make, read, fact, check)."""
    found = parts.map(name)
    if found is None or name is None:
        return None
    has = {
        "make": bool(found.makes),
        "read": bool(found.makes or found.rows or found.checks),
        "fact": found.facts is not None,
        "check": bool(found.checks),
    }[part]
    if not has:
        parts.wrong("E312", name.mark, name=name, part="make" if part == "read" else part)
    return found


def _makes(parts: Parts, name: Word | None, targets: tuple[str, ...], who: str, who_en: str) -> None:
    found = parts.map(name)
    if found is None or name is None:
        return
    for target in targets:
        if target not in found.makes:
            parts.wrong("E315", name.mark, name=name, target=target, who=who, who_en=who_en)


def _doors(parts: Parts, channel: ChannelFile) -> None:
    listen = channel.listen
    if listen is not None:
        _listener(parts, listen.at)
        _schema(parts, listen.schema)
        needed = ("schema", "once_by", "one_live") if channel.kind == "settle" else ("schema",)
        for name in needed:
            if name not in listen.marks:
                parts.wrong("E502", listen.mark, name=name)
        if channel.kind == "settle":
            for asked in BACKWARDS:
                _schema(parts, Word(asked, listen.mark))
        if channel.kind == "settle" and listen.once_by:
            _tells_repeats(parts, listen.once_by, "client")
    _with(parts, channel.answers, "make")
    if channel.amounts is not None:
        _makes(parts, channel.amounts, AMOUNTS, "结算应答", "the answer")
    for hear in channel.hears:
        _schema(parts, hear.schema)
        if hear.request is not None and channel.kind == "deliver":
            parts.wrong("E219", hear.marks.get("request", hear.mark), kind="deliver", name="hears: request")
            continue
        if hear.request is not None and "once_by" not in hear.marks:
            parts.wrong("E202", hear.mark, name="once_by", zh="终端的事件", en="a terminal's event",
                        example="[no, choice_no]")  # fmt: skip
        elif hear.request is not None:
            _tells_repeats(parts, hear.once_by, "no")
        if hear.at is not None:
            _listener(parts, hear.at, callback=True)
        if hear.party is not None and parts.engine is not None and hear.party not in parts.engine.written:
            parts.wrong("E305", hear.party.mark, name=hear.party, hint=nearest(hear.party, parts.engine.parties))
        if _with(parts, hear.fact, "fact") is not None:
            _makes(parts, hear.fact, ("number",), "回调", "a callback")


def _tells_repeats(parts: Parts, once_by: tuple[Word, ...], whose: str) -> None:
    """A repeat is known by whose it is and by a number of its own: nobody is ever answered with another's."""
    if whose not in once_by or len(once_by) < 2:
        parts.wrong("E211", once_by[0].mark, what="once_by", detail=f"[{whose}, …]")


def _listener(parts: Parts, name: Word, *, callback: bool = False) -> None:
    """A channel listens where there is an address; a callback at a path of its own. What settlements in flight began
    with may have lost its listeners: they need none to end."""
    if parts.engine is None or parts.stored:
        return
    door = parts.engine.listeners.get(name)
    if door is None and name in parts.engine.written:
        return
    if door is None or (door.http is None and not callback):
        fit = [key for key, one in parts.engine.listeners.items() if callback or one.http is not None]
        parts.wrong("E308", name.mark, name=name, hint=nearest(name, fit))
    elif callback and not door.path:
        parts.wrong("E202", door.mark, name="path", zh=f"回调的监听“{name}”", en=f'the listener "{name}" of a callback',
                    example="/callback/wechat")  # fmt: skip


BACKWARDS = ("cancel_request", "refund_request", "resolve_request")
"""The forms of what every settlement can be asked besides its channel's own events."""


def _schema(parts: Parts, name: Word | None) -> None:
    if name is not None and name not in parts.schemas and ("schema", str(name)) not in parts.broken:
        parts.wrong("E304", name.mark, name=name, hint=nearest(name, parts.schemas))


def _steps(parts: Parts, channel: ChannelFile) -> None:
    for _, word in used_calls(channel):
        if word not in channel.written:
            parts.wrong("E301", word.mark, name=word, hint=nearest(word, channel.calls))
    events = {hear.event: hear for hear in channel.hears if hear.request is not None}
    awaited: list[str] = []
    done: list[str] = []
    for step in (*channel.steps, *channel.final):
        if step.verb == "await":
            if step.name not in events:
                parts.wrong("E307", step.name.mark, name=step.name, hint=nearest(step.name, events))
                awaited.append(nearest(step.name, events))
            awaited.append(step.name)
        again = step.word("again")
        if again is not None and again not in awaited:
            code = "E311" if again in events else "E307"
            hint = "" if again in events else nearest(again, awaited)
            parts.wrong(code, again.mark, name=again, hint=hint)
        if step.verb == "do":
            equal = step.word("must_equal")
            if equal is not None and equal not in done:
                code = "E311" if equal in channel.written else "E301"
                hint = "" if equal in channel.written else nearest(equal, done)
                parts.wrong(code, equal.mark, name=equal, hint=hint)
            done.append(step.name)
        elif step.verb == "observe":
            _carried(parts, channel, step, done)
        _step_maps(parts, channel, step)


def _carried(parts: Parts, channel: ChannelFile, step: StepRow, done: list[str]) -> None:
    """An observed leg was carried inside a call already made, and stands in the ledger of a party of engine.yaml."""
    by, party = step.word("by"), step.word("party")
    if by is not None and by not in done:
        code = "E311" if by in channel.written else "E301"
        parts.wrong(code, by.mark, name=by, hint="" if by in channel.written else nearest(by, done))
    if party is not None and parts.engine is not None and party not in parts.engine.written:
        parts.wrong("E305", party.mark, name=party, hint=nearest(party, parts.engine.parties))


def _step_maps(parts: Parts, channel: ChannelFile, step: StepRow) -> None:
    if step.verb == "work" and not step.maps and channel.amounts is None:
        parts.wrong("E503", step.name.mark, name=step.name)
    for name in step.maps:
        _with(parts, name, "check" if step.verb == "check" else "make")
    if step.verb == "observe":
        _makes(parts, step.maps[0], ("number",), "旁观步骤", "an observe step")


def _single(parts: Parts, channel: ChannelFile) -> None:
    """Steps, events, results, conditions and items share one set of names."""
    seen: dict[str, Mark] = {}

    def take(name: str, mark: Mark) -> None:
        if name in seen:
            parts.wrong("E310", mark, name=name, line=seen[name].line)
        elif name in BASE_NAMES:
            parts.wrong("E316", mark, name=name)
        seen.setdefault(name, mark)

    groups: dict[str, Mark] = {}
    for name in channel.calls:
        groups.setdefault(name.partition(".")[0], mark_of(name))
    for step in (*channel.steps, *channel.final):
        if step.verb == "observe":
            groups.setdefault(step.name.partition(".")[0], step.name.mark)
    for name, mark in groups.items():
        take(name, mark)
    for name in channel.let:
        take(name, mark_of(name))
    for hear in channel.hears:
        take(hear.event, hear.event.mark)
    keys: dict[str, Mark] = {}
    items: set[str] = set()
    for step in (*channel.steps, *channel.final):
        item = step.word("as")
        if step.verb == "work":
            if step.name not in keys:  # a result may be worked out anew
                take(step.name, step.name.mark)
        elif step.verb in ("do", "await", "observe") and step.name in keys:
            parts.wrong("E310", step.name.mark, name=step.name, line=keys[step.name].line)
        keys.setdefault(step.name, step.name.mark)
        if item is not None and item not in items:
            take(item, item.mark)
            items.add(item)
        gathered = step.word("gather")
        if gathered is not None:
            take(gathered, gathered.mark)


def _routes(parts: Parts) -> None:
    _callbacks(parts)
    seen: dict[tuple[str, str], Mark] = {}
    for channel in parts.channels.values():
        routes = [(channel.listen.at, channel.listen.request)] if channel.listen else []
        door = str(channel.listen.at) if channel.listen else ""
        routes += [(hear.at or Word(door, hear.mark), hear.request) for hear in channel.hears if hear.request]
        for at, route in routes:
            if not parts.stored and (own := _engines_own(parts, at, route)):
                parts.wrong("E536", route.path.mark, route=f"{route.method} {route.path}", own=own)
            shape = f"{route.method} {route.path}" if "{" not in route.path else route.shape
            first = seen.get((at, shape))
            shared = first is not None and _same_event(parts, channel, first)
            if first is not None and not shared:
                told = f"{route.method} {route.path}"
                parts.wrong("E501", route.path.mark, route=told, file=first.file, line=first.line)
            seen.setdefault((at, shape), route.path.mark)


_OWN_DOORS = ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs/interface", "/console")
_OWN_BELOW = ("/console/", "/v1/site/", "/v1/deliver/", "/v1/tasks/")
_OF_ONE = ("cancel", "refunds", "resolve", "move")
_OWN_OF_SETTLEMENTS = {"GET /v1/settlements/{}", *(f"POST /v1/settlements/{{}}/{word}" for word in _OF_ONE)}


def _engines_own(parts: Parts, at: Word, route: Route) -> str:
    """The engine's own address that a channel's request would hide, or collide with at the start; "" for none."""
    path = str(route.path)
    listeners = parts.engine.listeners if parts.engine is not None else {}
    for name, door in listeners.items():
        if door.path == path and (door.on or name) == at and route.method == "POST":
            return f"POST {door.path} ({name})"
    if path in _OWN_DOORS or path == "/v1/site" or path.startswith(_OWN_BELOW):
        return path
    return route.shape if route.shape in _OWN_OF_SETTLEMENTS else ""


def _callbacks(parts: Parts) -> None:
    """A callback's address belongs to one party and one map; several channels may share it."""
    seen: dict[str, tuple[str, str, Mark]] = {}
    for channel in parts.channels.values():
        for hear in channel.hears:
            if hear.at is None or hear.party is None:
                continue
            own = (str(hear.party), str(hear.fact))
            party, fact, first = seen.setdefault(hear.at, (*own, hear.at.mark))
            if (party, fact) != own:
                parts.wrong("E501", hear.at.mark, route=hear.at, file=first.file, line=first.line)


def _same_event(parts: Parts, channel: ChannelFile, first: Mark) -> bool:
    """Settle channels share the addresses below a settlement's number: the number says which channel it is."""
    return first.file != channel.file and any(
        hear.request is not None and hear.request.path.mark == first and "{no}" in hear.request.path
        for other in parts.channels.values()
        for hear in other.hears
    )
