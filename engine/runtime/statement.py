"""The daily comparison with a party (对账): our settlements of a day, group by group, against what the party has.

Which settlements stood or were taken back on that day is read from the store; each becomes a row by the channel's map.
For every group the channel's calls are made: they ask for the totals, and for the rows. Either the party compares and
names the rows that differ, or the engine compares its rows with the party's list. What is left over is stored (`engine
books` shows it) and a person is called. A day that left something over is compared again with each later run, for a
week: once both agree its rows are gone, and with the last row the person's task.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.core.times import beijing, instant_of
from engine.core.world import World
from engine.pipeline.condition import ConditionFailed
from engine.pipeline.rejected import MapRejected
from engine.runtime.desk import Desk
from engine.runtime.sites import Sites
from engine.runtime.statement_lists import HERE, THERE, UNLIKE, compared
from engine.saga.case import Case, found
from engine.saga.legs import Leg, LegState
from engine.site.site import Channel, StatementSpec
from engine.store.contract import Connection, Store, Unit
from engine.store.numbers import owner_of
from engine.store.settlements import load_case
from engine.store.statement_rows import StatementRow, called_between, open_days, replace_part

Tree = Any
Deeds = Callable[[Channel, dict[str, Tree]], Awaitable[str]]
DAY = 86_400.0
LOOK_BACK = 7  # days that left something over are compared again
AMOUNTS = ("total", "fund", "account", "cash")
VERDICTS = {"1": "there", "2": "here", "3": "differs"}  # stmt_rslt of the platform
LISTED = frozenset({THERE, HERE, UNLIKE})
UNREAD_GROUP = "unread"


@dataclass(slots=True)
class Day:
    """Our side of one day: rows by group, whose they are, and what could not be made a row."""

    rows: dict[tuple[tuple[str, str], ...], list[dict[str, Tree]]]
    owners: dict[str, str]
    unread: list[tuple[str, MapRejected]]


class Statements:
    """Runs the channels that have a `statement`."""

    def __init__(self, world: World, sites: Sites, store: Store, desk: Desk) -> None:
        self._world, self._sites, self._store, self._desk = world, sites, store, desk

    async def run(self, channel: Channel, period: str, deeds: Deeds) -> str:
        """Compare the day or days before this period's, and those of the last week that left something over; `deeds`
        makes the channel's calls over the names it is given. "" when all was compared, else why not."""
        spec = channel.statement
        assert spec is not None, f"{channel.name} has no statement"
        days = [_before(period, ago) for ago in range(spec.days, 0, -1)]
        since = _before(period, LOOK_BACK)
        again: list[str] = await self._store.read(lambda conn: open_days(conn, spec.party, since))
        for one in dict.fromkeys((*again, *days)):
            text = await self._compare(channel, spec, one, deeds)
            if text:
                return f"{one} {text}"
        if not await self._store.read(lambda conn: open_days(conn, spec.party, "")):
            await self._desk.over("statement_differs", spec.party)
        return ""

    async def _compare(self, channel: Channel, spec: StatementSpec, day: str, deeds: Deeds) -> str:
        hospital = self._sites.current.engine.hospital
        ours: Day = await self._store.read(lambda conn: day_of(conn, spec, day, hospital))
        for _, no_row in ours.unread:
            self._sites.rejected(no_row)
        found = 0
        for group in _groups(spec, ours):
            rows = ours.rows.get(_key(group), [])
            names: dict[str, Tree] = {"day": day, "group": group, "rows": rows, "sums": _sums(rows)}
            text = await deeds(channel, names)
            if text:
                return text
            try:
                left = _left(names, spec)
            except ConditionFailed as no:
                return str(no)
            found += await self._keep(spec.party, day, "/".join(group.values()), left, ours.owners)
        unread = [
            StatementRow(spec.party, day, UNREAD_GROUP, no, "unread", no, "", f"{why.code} {why.detail}")
            for no, why in ours.unread
        ]
        await self._store.submit(Unit("statement", tuple(
            replace_part(spec.party, day, UNREAD_GROUP, unread, self._world.now())
        )))  # fmt: skip
        if found + len(unread):
            text = f"{day}: {found + len(unread)} 处不平，见 engine books · differences, see engine books"
            self._desk.call("statement_differs", None, text, spec.party)
        return ""

    async def _keep(
        self, party: str, day: str, part: str, left: list[Mapping[str, Tree]], owners: Mapping[str, str]
    ) -> int:
        numbers = [(str(row.get("number") or ""), str(row.get("msgid") or "")) for row in left]
        wanted = [one for pair in numbers for one in pair]
        known: dict[str, str] = await self._store.read(lambda conn: _owners(conn, wanted))
        rows = []
        for row, (number, msgid) in zip(left, numbers, strict=True):
            verdict = str(row.get("verdict"))
            rows.append(StatementRow(
                party, day, part, number, verdict if verdict in LISTED else VERDICTS.get(verdict, "differs"),
                owners.get(number) or known.get(msgid) or known.get(number), msgid, str(row.get("text") or ""),
            ))  # fmt: skip
        once = {row.number: row for row in rows}
        await self._store.submit(Unit("statement", tuple(
            replace_part(party, day, part, once.values(), self._world.now())
        )))  # fmt: skip
        return len(once)


def _before(period: str, days: int) -> str:
    return beijing(instant_of(period, "%Y-%m-%d") - days * DAY, "%Y-%m-%d")


def _key(group: Mapping[str, Tree]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, str(value)) for name, value in group.items()))


def _groups(spec: StatementSpec, ours: Day) -> list[dict[str, str]]:
    """Those named in the channel, in their order, then those only our rows have."""
    found = {_key(group): dict(group) for group in spec.groups}
    for key in sorted(ours.rows):
        found.setdefault(key, dict(key))
    return list(found.values())


def _sums(rows: Sequence[Mapping[str, Tree]]) -> dict[str, Tree]:
    """Of all rows, with minus what was taken back; and apart (`done`, `back`), both without a sign."""
    done = [row for row in rows if not row["back"]]
    back = [row for row in rows if row["back"]]
    return {**_sum(rows, 1), "done": _sum(done, 1), "back": _sum(back, -1)}


def _sum(rows: Sequence[Mapping[str, Tree]], sign: int) -> dict[str, int]:
    return {"count": len(rows), **{name: sign * sum(row[name] for row in rows) for name in AMOUNTS}}


def _left(names: Mapping[str, Tree], spec: StatementSpec) -> list[Mapping[str, Tree]]:
    """The rows that differ; one for the whole group where totals differ and no row does. Errors: ConditionFailed."""
    agreed = spec.agreed.test(names)
    rows: list[Mapping[str, Tree]] = []
    if spec.theirs:
        ours = [row for row in names["rows"] if not row["back"]]
        rows += compared(ours, _rows_at(names, spec.theirs), spec.equal)
    elif not agreed:
        rows += _rows_at(names, spec.differs)
    if agreed or rows:
        return rows
    return [{"number": "", "verdict": "3", "text": "合计不平，明细一致 · totals differ, no row does"}]


def _rows_at(names: Mapping[str, Tree], path: str) -> list[Mapping[str, Tree]]:
    at = found(names, path)
    return [row for row in at if isinstance(row, Mapping)] if isinstance(at, list) else []


def _owners(conn: Connection, numbers: Iterable[str]) -> dict[str, str]:
    found = {number: owner_of(conn, number) for number in numbers if number}
    return {number: owner.settlement_no for number, owner in found.items() if owner is not None}


def day_of(conn: Connection, spec: StatementSpec, day: str, hospital: Mapping[str, Tree]) -> Day:
    """Our rows of that day: what was settled on it, and with minus what was taken back on it; calls made on the days
    after it count as far as the statement looks back, for what is dated by its beginning."""
    begin = instant_of(day, "%Y-%m-%d")
    made = Day({}, {}, [])
    for no in called_between(conn, spec.party, begin - DAY / 24, begin + DAY * spec.days + DAY / 24):
        case = load_case(conn, no)
        for names in () if case is None else _settled(case, spec, hospital):
            try:
                row = spec.row.run(names)
            except MapRejected as no_row:
                made.unread.append((no, no_row))
                continue
            if row["day"] == day:
                _enter(made, no, row, back=names["leg"]["undo"])
    return made


def _enter(made: Day, no: str, row: dict[str, Tree], *, back: bool) -> None:
    row["back"] = back
    if back:
        row |= {name: -row[name] for name in AMOUNTS}
    group = row.pop("group")
    made.rows.setdefault(_key(group), []).append(row)
    made.owners[str(row["number"])] = no


def _settled(case: Case, spec: StatementSpec, hospital: Mapping[str, Tree]) -> Iterator[dict[str, Tree]]:
    """The names a row's map reads: the settlement's data and `leg`, once for each leg that took effect at the party and
    once more when it was taken back."""
    undone = {leg.of: leg for leg in case.legs if leg.undo and leg.state is LegState.OK}
    for leg in case.legs:
        if leg.undo or leg.state is not LegState.OK or not {leg.call, leg.step} & spec.settled:
            continue
        back = undone.get(leg.id)
        yield _names(case, leg, hospital, refunded=back is not None)
        if back is not None:
            yield _names(case, back, hospital, refunded=True)


def _names(case: Case, leg: Leg, hospital: Mapping[str, Tree], *, refunded: bool) -> dict[str, Tree]:
    at = leg.sent_at if leg.sent_at is not None else leg.created_at
    told = {
        "number": leg.number, "call": leg.call, "undo": leg.undo, "refunded": "1" if refunded else "0",
        "day": beijing(at, "%Y-%m-%d"), "of": case.leg(leg.of).number if leg.of else leg.number,
    }  # fmt: skip
    settlement = {"no": case.no, "channel": case.channel, "created_at": int(case.created_at)}
    return {**case.data, "hospital": hospital, "settlement": settlement, "leg": told}


