"""`every` channels: by the clock, once per period, also after a restart and with several nodes; and sign-ins on demand.

A period is a Beijing day that begins at the channel's time. The period's row is claimed in the store before the first
call; a run that failed or was interrupted is begun again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from engine.core.outcome import Outcome
from engine.core.times import beijing, instant_of
from engine.core.world import DelayedCall, World
from engine.pipeline.condition import ConditionFailed
from engine.pipeline.rejected import MapRejected
from engine.runtime import table_files
from engine.runtime.bill_days import AGAIN as BILL_AGAIN
from engine.runtime.bill_days import BillDays
from engine.runtime.desk import Desk
from engine.runtime.journal import Journal
from engine.runtime.logs import Log, trouble_of
from engine.runtime.numbers import Numbers, sender_of
from engine.runtime.outflow import Outflow
from engine.runtime.sessions import Session
from engine.runtime.sites import Sites
from engine.runtime.statement import Statements
from engine.runtime.threads import on_a_thread
from engine.saga.case import found, put
from engine.site.site import CallSpec, Channel
from engine.store.contract import CannotRead, Store, StoreFull, StoreStopped, Unit
from engine.store.periods import begin_period, begin_period_again, end_period
from engine.store.sessions import keep_session

Tree = Any
DAY = 86_400.0
TRY_AGAIN = 60.0  # seconds after a run that failed
LOOK_AGAIN = 3600.0
PAGES_MAX = 1000


class Timed:
    """Runs the timed channels of the current site."""

    def __init__(
        self,
        world: World,
        sites: Sites,
        outflow: Outflow,
        store: Store,
        numbers: Numbers,
        journal: Journal,
        log: Log,
        signed_in: Callable[[str, Session], None],
        root: Path,
        desk: Desk,
    ) -> None:
        """`signed_in(party, session)` is told of every new session (the outflow's sessions want it); `root` is where
        `var/tables` lies."""
        self._world, self._sites, self._outflow, self._store = world, sites, outflow, store
        self._numbers, self._journal, self._log = numbers, journal, log
        self._signed_in, self._root = signed_in, root
        self._statements = Statements(world, sites, store, desk)
        self._bills = BillDays(world, sites, outflow.connections, store, desk)
        self._timers: dict[str, DelayedCall] = {}
        self._seconds: dict[str, float] = {}  # after midnight, of each channel that is planned
        self._running: set[str] = set()
        self._stopped = False

    def start(self) -> None:
        """Plan every timed channel; those whose period is already due run now."""
        self.follow()

    def follow(self) -> None:
        """Another site is in force: begin what is new or has moved, leave the rest, forget what is gone. One that is
        running ends as it began and finds its new time by itself."""
        channels = self._sites.current.channels
        every: dict[str, float] = {name: one.every.seconds for name, one in channels.items() if one.every is not None}
        for name in self._timers.keys() - every.keys():
            self._forget(name)
        for name, seconds in every.items():
            if name in self._running or self._seconds.get(name) == seconds:
                continue
            self._forget(name)
            self._plan(name, 0.0)
        self._seconds = every

    def plans(self, name: str) -> bool:
        """Whether this channel will run again by the clock."""
        timer = self._timers.get(name)
        return name in self._running or (timer is not None and timer.active())

    def stop(self) -> None:
        """No run begins any more."""
        self._stopped = True
        for name in list(self._timers):
            self._forget(name)

    def _forget(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None and timer.active():
            timer.cancel()

    def _plan(self, name: str, seconds: float) -> None:
        if not self._stopped:
            self._timers[name] = self._world.later(seconds, self._begin, name)

    def _begin(self, name: str) -> None:
        Deferred.fromCoroutine(self._round(name)).addErrback(
            lambda failure: self._log.error("timed_failed", channel=name, why=trouble_of(failure.value))
        )

    async def _round(self, name: str) -> None:
        channel = self._sites.current.channels.get(name)
        if channel is None or channel.every is None:
            return
        begins = period_start(self._world.now(), channel.every.seconds)
        self._running.add(name)
        try:
            done = await self.run(channel, beijing(begins, "%Y-%m-%d"))
        except (CannotRead, StoreFull, StoreStopped):
            done = False
        finally:
            self._running.discard(name)
        now_every = self._sites.current.channels.get(name, channel).every
        if now_every is None or now_every.seconds != channel.every.seconds:
            self._plan(name, 0.0)
            return
        again = TRY_AGAIN if channel.bills is None else BILL_AGAIN
        wait = begins + DAY - self._world.now() if done else again
        self._plan(name, min(wait, LOOK_AGAIN))

    async def run(self, channel: Channel, period: str) -> bool:
        """One run for a period; True when it is done, now or before."""
        now = self._world.now()
        began = await self._store.submit(Unit("period", (begin_period(channel.name, period, now),)))
        if not began.committed:
            again = await self._store.submit(Unit("period", (begin_period_again(channel.name, period, now),)))
            if not again.committed:
                return True
        text = await self._work(channel, period)
        ended = end_period(channel.name, period, self._world.now(), done=not text, text=text)
        await self._store.submit(Unit("period", (ended,)))
        self._log.info("timed", channel=channel.name, period=period, done=not text)
        return not text

    async def _work(self, channel: Channel, period: str) -> str:
        """All that the channel does in one period; "" when it is done, else why not."""
        if channel.bills is not None:
            due = instant_of(period, "%Y-%m-%d") + (channel.every.seconds if channel.every is not None else 0.0)
            beside = partial(on_a_thread, self._world)
            return await self._bills.run(channel.name, channel.bills, period, due, beside)
        if channel.statement is not None:
            return await self._statements.run(channel, period, self._deeds)
        names: dict[str, Tree] = {}
        if channel.tables:
            names["tables"] = await on_a_thread(self._world, lambda: {
                name: {"version": table_files.version_of(self._root, name)} for name in channel.tables
            })  # fmt: skip
        text = await self._deeds(channel, names)
        # A directory that came is kept although the next one did not: it is asked for from its newest version on.
        keep = partial(_keep_tables, self._root, channel, names)
        kept = await on_a_thread(self._world, keep) if channel.tables else ""
        return text or kept

    async def _deeds(self, channel: Channel, names: dict[str, Tree]) -> str:
        """The channel's calls in their order over these names, which grow by what is read; "" when all were made that
        had to be, else why one was not."""
        names["hospital"] = self._sites.current.engine.hospital
        for name in channel.do:
            spec = channel.calls[name]
            try:
                if not self._wanted(channel, name, names):
                    continue
            except ConditionFailed as no:
                return f"{name}: {no}"[:200]
            made, text = await self._pages(channel, spec, names)
            if made is None:
                return f"{name}: {text}"
            if channel.keep == "session":
                await self.keep(spec.party, made)
        return ""

    async def _pages(self, channel: Channel, spec: CallSpec, names: dict[str, Tree]) -> tuple[Tree, str]:
        """One call, and as long as its `more` holds the next page; the lists of all pages are joined. Kept in `names`;
        (what it made, "") or (None, why not)."""
        more = channel.conditions.get(channel.more.get(spec.name, ""))
        before: Tree = {}
        for page in range(1, PAGES_MAX + 1):
            names["page"] = page
            made, text = await self._call(channel, spec, names)
            if made is None:
                return None, text
            joined = _joined(before, made)
            put(names, spec.name, made)
            try:
                on = more is not None and more.test(names)
            except ConditionFailed as no:
                return None, str(no)[:200]
            put(names, spec.name, joined)
            if not on:
                return joined, ""
            before = joined
        return None, f"more than {PAGES_MAX} pages"

    def _wanted(self, channel: Channel, name: str, names: Mapping[str, Tree]) -> bool:
        """Whether a call's condition holds; ConditionFailed when that cannot be decided."""
        condition = channel.do_if.get(name)
        if condition is None:
            return True
        known = dict(names)
        for let, test in channel.lets.items():
            try:
                known[let] = test.test(known)
            except ConditionFailed:  # it reads what is not known yet
                continue
        return channel.conditions[condition].test(known)

    async def _call(self, channel: Channel, spec: CallSpec, known: Mapping[str, Tree]) -> tuple[Tree, str]:
        site = self._sites.current
        number = ""
        if spec.number == "msgid":
            number = self._numbers.message_id(sender_of(site.engine.parties[spec.party].settings))
        names: dict[str, Tree] = {
            **known,
            "hospital": site.engine.hospital,
            "now": int(self._world.now()),
            "own": {"number": number},
        }
        try:
            body = spec.send.run(names) if spec.send is not None else {}
            talk = await self._outflow.talk(spec.party, spec.op, number, body, spec.wait, spec.rows, spec.name)
            self._journal.note("every", spec, talk, number)
            if talk.outcome is not Outcome.ACCEPTED:
                return None, f"{talk.outcome or 'not sent'} {talk.answer.code} {talk.answer.text}"[:200]
            names.update(answer=talk.answer.body, code=talk.answer.code, text=talk.answer.text)
            read = spec.read
            if read is None:
                return {}, ""
            return (await on_a_thread(self._world, lambda: read.run(names)) if spec.bulky else read.run(names)), ""
        except MapRejected as no:
            self._sites.rejected(no)
            return None, f"{no.code} {no.detail}"

    async def sign_in(self, party: str) -> Session | None:
        """Sign in at a party now, by the timed channel that keeps its session; None when that fails."""
        for channel in self._sites.current.channels.values():
            if channel.kind != "every" or channel.keep != "session":
                continue
            for name in channel.do:
                if channel.calls[name].party == party:
                    made, text = await self._call(channel, channel.calls[name], {})
                    if made is None:
                        self._log.warning("sign_in_failed", party=party, why=text)
                        return None
                    return await self.keep(party, made)
        return None

    async def keep(self, party: str, made: Tree) -> Session:
        """Store a sign-in's values; `until` (an instant) among them says how long they live, else to midnight."""
        until = float(made.get("until") or period_start(self._world.now(), 0.0) + DAY)
        values = {name: str(value) for name, value in made.items() if name != "until"}
        session = Session(values, until)
        await self._store.submit(Unit("session", keep_session(party, values, until)))
        self._signed_in(party, session)
        return session


def _joined(before: Tree, made: Tree) -> Tree:
    """A page behind those before it: lists one after the other, all else as the last page says."""
    if not isinstance(before, Mapping) or not isinstance(made, Mapping):
        return made
    lists = {name: [*before[name], *part] for name, part in made.items() if _lists(before.get(name), part)}
    return {**made, **lists}


def _lists(one: Tree, two: Tree) -> bool:
    return isinstance(one, list) and isinstance(two, list)


def _keep_tables(root: Path, channel: Channel, names: Mapping[str, Tree]) -> str:
    """Keep what the calls brought for the channel's tables; "" or why one could not be kept."""
    for table, path in channel.tables.items():
        at = found(names, path)
        try:
            if isinstance(at, list):
                table_files.keep(root, table, at)
        except (table_files.NotARow, OSError, ValueError) as no:
            return f"{table}: {no}"
    return ""


def period_start(now: float, seconds: float) -> float:
    """The latest instant at or before `now` at which a day's period begins (`seconds` after Beijing midnight)."""
    midnight = instant_of(beijing(now, "%Y-%m-%d"), "%Y-%m-%d")
    start = midnight + seconds
    return start if start <= now else start - DAY
