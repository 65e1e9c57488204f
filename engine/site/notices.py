"""What a change of the configuration means for money: said before it is made, to the one who makes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from engine.config.problems import Mark, Problem, problem
from engine.config.secret import SecretRef
from engine.config.spec import NOWHERE
from engine.saga.plan import CallRule, Plan, Step
from engine.site.changes import Change
from engine.site.site import CallSpec, Channel, Site

_STEP_WORDS = ("ask", "stop", "undo", "undo_first", "again", "must_equal", "condition", "each", "within")
_WRITTEN = {"undo_first": "undone", "condition": "if", "each": "for_each"}
_LISTEN_WORDS = ("once_by", "one_live")
_LOOPBACK = ("127.", "::1", "localhost")
_POWERS = frozenset({"refund", "operate", "admin"})


def notices(old: Site | None, new: Site, changed: list[Change], version: str) -> list[Problem]:
    """Advice about a change from `old` (None: this program cannot compile it any more; `version` names it) to `new`."""
    if old is None:
        return [problem("W712", NOWHERE, version=version[:12])]
    found = chain(
        *(_channel(was, new.channels.get(name)) for name, was in old.channels.items()),
        _amounts(old, new, changed), _parties(old, new), _clients(old, new), _doors(old, new), _tables(changed),
    )  # fmt: skip
    return list(dict.fromkeys(found))


def _channel(old: Channel, new: Channel | None) -> Iterator[Problem]:
    mark = Mark(f"channels/{old.name}.yaml", 1, 1)
    if old.plan is not None:
        yield from _steps(old.plan, new.plan if new is not None else None, mark)
    if new is None:
        return
    for name, call in old.calls.items():
        if name in new.calls:
            yield from _call(old, call, new.calls[name], new, mark)
    if old.listen is not None and new.listen is not None:
        for word in _LISTEN_WORDS:
            was, is_ = getattr(old.listen, word), getattr(new.listen, word)
            if was != is_:
                yield problem("W705", mark, channel=old.name, word=word, old=_words(was), new=_words(is_))
    if old.every is not None and new.every is not None and old.every.seconds != new.every.seconds:
        yield problem("W711", mark, channel=old.name, old=_clock(old.every.seconds), new=_clock(new.every.seconds))


def _steps(old: Plan, new: Plan | None, mark: Mark) -> Iterator[Problem]:
    after: Mapping[str, Step] = {step.key: step for step in new.steps} if new is not None else {}
    for step in old.steps:
        rule = old.calls.get(step.call)
        if rule is None or not rule.money:
            continue
        there = after.get(step.key)
        if there is None:
            yield problem("W701", mark, step=step.key, call=step.call)
            continue
        for word in _STEP_WORDS:
            was, is_ = getattr(step, word), getattr(there, word)
            if was != is_:
                yield problem("W702", mark, step=step.key, word=_WRITTEN.get(word, word), old=was or "", new=is_ or "")


def _call(old: Channel, was: CallSpec, is_: CallSpec, new: Channel, mark: Mark) -> Iterator[Problem]:
    before, after = _rule(old, was), _rule(new, is_)
    if before is None or after is None or not (before.changes or after.changes):
        return
    for word in ("party", "op", "repeats", "ask", "amount", "number"):
        if getattr(was, word) != getattr(is_, word):
            written = {"party": "to"}.get(word, word)
            yield problem("W704", mark, call=was.name, word=written, old=getattr(was, word), new=getattr(is_, word))
    rows = {(row.code, row.text): str(row.outcome) for row in was.rows}
    now = {(row.code, row.text): str(row.outcome) for row in is_.rows}
    for key in dict.fromkeys([*rows, *now]):
        if rows.get(key) != now.get(key):
            yield problem("W703", mark, call=was.name, code=key[0], old=rows.get(key, "unknown"),
                        new=now.get(key, "unknown"))  # fmt: skip


def _rule(channel: Channel, call: CallSpec) -> CallRule | None:
    return channel.plan.calls.get(call.name) if channel.plan is not None else None


def _amounts(old: Site, new: Site, changed: list[Change]) -> Iterator[Problem]:
    """Maps that make amounts: the channels' `amounts`, and what money calls send."""
    makers = {
        field_map.name
        for site in (old, new)
        for channel in site.channels.values()
        for field_map in (channel.amounts, *(call.send for call in channel.calls.values() if _moves(channel, call)))
        if field_map is not None
    }
    for change in changed:
        if change.kind == "map" and change.what == "changed" and change.name in makers:
            yield problem("W706", Mark(change.file, 1, 1), name=change.name)


def _moves(channel: Channel, call: CallSpec) -> bool:
    rule = _rule(channel, call)
    return rule is not None and rule.money


def _parties(old: Site, new: Site) -> Iterator[Problem]:
    for name, was in old.engine.parties.items():
        is_ = new.engine.parties.get(name)
        if is_ is None:
            continue
        words = {"url": (was.url, is_.url), "kind": (was.kind, is_.kind)}
        words["amounts"] = (str(was.settings.get("amounts", "")), str(is_.settings.get("amounts", "")))
        if (is_.late_max or 0.0) < (was.late_max or 0.0):
            words["late_max"] = (f"{was.late_max:g}s", f"{is_.late_max or 0:g}s")
        for word, (before, after) in words.items():
            if before != after:
                mark = is_.marks.get(word, is_.mark)
                yield problem("W707", mark, party=name, word=word, old=before, new=after)


def _clients(old: Site, new: Site) -> Iterator[Problem]:
    for name, is_ in new.engine.clients.items():
        was = old.engine.clients.get(name)
        more = set(is_.scopes) - (set(was.scopes) if was is not None else set())
        if more & _POWERS:
            yield problem("W708", is_.mark, client=name, scopes=", ".join(sorted(more & _POWERS)))


def _doors(old: Site, new: Site) -> Iterator[Problem]:
    before = {door.http for door in old.engine.listeners.values()}
    for name, door in new.engine.listeners.items():
        if door.http is not None and door.http not in before and not door.http[0].startswith(_LOOPBACK):
            yield problem("W709", door.mark, name=name, address=f"{door.http[0]}:{door.http[1]}")


def _tables(changed: list[Change]) -> Iterator[Problem]:
    for change in changed:
        lost = [row.at for row in change.rows if row.old and not row.new] if change.kind == "table" else []
        if lost:
            yield problem("W710", Mark(change.file, 1, 1), name=change.name, count=len(lost), example=lost[0])


def _words(value: object) -> str:
    return ", ".join(str(one) for one in value) if isinstance(value, list | tuple) else str(value or "")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 3600:02d}:{int(seconds) % 3600 // 60:02d}"


def restarts(old: Site, new: Site) -> list[str]:
    """Sections of engine.yaml that a running engine cannot change: it must be started anew for them."""
    was, is_ = old.engine, new.engine
    pairs = {
        "engine.name": (was.name, is_.name), "engine.profile": (was.profile, is_.profile),
        "engine.clock": (was.clock, is_.clock), "store": (_place(was.store), _place(is_.store)),
        "keys": (was.keys, is_.keys),
    }  # fmt: skip
    return [name for name, (before, after) in pairs.items() if before != after]


def _place(store: str | SecretRef) -> str:
    return str(store)
