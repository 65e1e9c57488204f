"""What a person does with messages: send again, edit and send, replay many, give up, stop and let go. Each is kept with
who did it and why.

A message of a settlement (handed over by `tell`, or a DFT) speaks of money. It is only ever sent again under its own
number, by which its receiver knows it; a copy under a new number would be another booking, and is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.codecs import hl7v2
from engine.codecs.hl7_charset import GB18030, UTF_8, charset_named, to_bytes
from engine.core.world import World
from engine.runtime.deliver import Deliver
from engine.runtime.deliver_message import Held, digest_of, names_of
from engine.runtime.sites import Sites
from engine.site.deliver_spec import DeliverSpec
from engine.site.site import Site
from engine.store.contract import Connection, Store, Unit, Write
from engine.store.ids import Ids
from engine.store.lists_messages import Asked, Rows, dead_letters, list_messages, without_bytes
from engine.store.messages import (
    Kept,
    add_hand,
    due_of,
    give_up,
    message,
    message_bytes,
    reopen,
    send_again,
    set_switch,
)

REPLAY_MAX = 10_000
SHOWN = 20
AGAIN = ("done", "dead")  # what many are sent again of: what waits is sent anyway


class NotDone(Exception):
    """What a person asked for is refused: a stable code and a detail."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code} {detail}")
        self.code, self.detail = code, detail


@dataclass(frozen=True, slots=True)
class By:
    """Who, and why; `used` is what the proof of who it is used up."""

    who: str
    reason: str
    used: tuple[Write, ...] = ()


def standing(kept: Kept, due: Sequence[Mapping[str, Any]]) -> str:
    """How a message stands for who decides about it: a dead letter at any receiver makes it one; `given_up` when it is
    one no longer at any."""
    if any(row["state"] == "dead" for row in due):
        return "dead"
    return "given_up" if kept.state == "dead" else kept.state


def about_money(site: Site, channel: str, kind: str) -> bool:
    """Whether a message speaks of money: a settlement handed it over, or it is a DFT."""
    found = site.channels.get(channel)
    form = found.deliver.form if found is not None and found.deliver is not None else ""
    return form == "tell" or kind.startswith("DFT")


def edited_text(text: str) -> str:
    """A text of an editor or a browser as it is sent: they write line feeds, HL7 ends its segments with CR."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n")
    return lines.replace("\n", "\r") if lines.startswith("MSH") else lines


class Hands:
    """Carries out what a person decided."""

    def __init__(self, world: World, store: Store, ids: Ids, sites: Sites, deliver: Deliver) -> None:
        self._world, self._store, self._ids, self._sites, self._deliver = world, store, ids, sites, deliver

    async def resend(self, no: int, dest: str, body: bytes | None, by: By, seen: str = "") -> dict[str, Any]:
        """Send a message again. A dead letter goes on under its own number; what was delivered goes out as a new
        message under a new one; with `body`, edited. `seen`: how it stood when a person decided, if that matters.
        NotDone: E-NO-MESSAGE, E-REPLAY-MONEY, E-BODY-GONE, E-DEST, E-CHANGED."""
        kept, due, spec = await self._look(no)
        dead = [row for row in due if row["state"] == "dead" and dest in ("", row["dest"])]
        sent_by_another = seen == "dead" and body is None and not dead  # at this receiver, if not at all
        if seen not in ("", standing(kept, due)) or sent_by_another:
            raise NotDone("E-CHANGED", str(no))
        if body is None and dead:
            await self._revive(no, dead, "resend", by)
            return {"message": str(no), "again": [row["dest"] for row in dead]}
        return await self._copy(kept, spec, dest, body, "resend", by)

    async def body(self, no: int, by: By) -> dict[str, Any]:
        """The message's true text, for a person who will edit it; that it was read is kept like every other act. What
        is shown elsewhere is masked. NotDone: E-NO-MESSAGE, E-REPLAY-MONEY, E-BODY-GONE."""
        kept, _, spec = await self._look(no)
        if self._money(kept.channel, kept.kind):
            raise NotDone("E-REPLAY-MONEY", str(no))
        data = await self._bytes(no)
        text = hl7v2.parse(data, self._charset(spec)).to_text() if spec.form == "hl7" else data.decode("utf-8")
        await self._do((self._hand("read", str(no), by),), by)
        return {"message": str(no), "body": text}

    async def discard(self, no: int, dest: str, by: By) -> dict[str, Any]:
        """Give up a dead letter: it stays in the list as dead, nothing is sent. NotDone: E-NO-MESSAGE, E-NOT-DEAD."""
        _, due, _ = await self._look(no)
        dead = [row for row in due if row["state"] == "dead" and dest in ("", row["dest"])]
        if not dead:
            raise NotDone("E-NOT-DEAD", str(no))
        writes = [give_up(no, row["dest"]) for row in dead]
        await self._do((*writes, self._hand("discard", f"{no} {' '.join(row['dest'] for row in dead)}", by)), by)
        for row in dead:
            self._deliver.lanes.released(row["channel"], row["dest"], row["lane"])
        return {"message": str(no), "discarded": [row["dest"] for row in dead]}

    async def replay(self, asked: Asked, dest: str, dry: bool, by: By) -> dict[str, Any]:
        """Send many again: dead letters under their own numbers, delivered ones as new messages; one that cannot be is
        left out, and said; so is what somebody gave up. `dry`: only say how many. NotDone: E-REPLAY-MONEY when one of
        them speaks of money and is not a dead letter, E-LIMIT."""

        def look(conn: Connection) -> tuple[Rows, dict[int, str]]:
            rows = list_messages(conn, asked)
            ids = [int(row["id"]) for row in rows if row["state"] in AGAIN]
            dead = [int(row["id"]) for row in rows if row["state"] == "dead"]
            given_up = dict.fromkeys(set(dead) - dead_letters(conn, dead, dest), "E-NOT-DEAD")
            return rows, {**given_up, **dict.fromkeys(without_bytes(conn, ids), "E-BODY-GONE")}

        found, cannot = await self._store.read(look)
        if len(found) > REPLAY_MAX:
            raise NotDone("E-LIMIT", str(REPLAY_MAX))
        rows = [row for row in reversed(found) if row["state"] in AGAIN]
        money = [str(row["id"]) for row in found if row["state"] == "done" and self._money(row["channel"], row["kind"])]
        refused = [{"message": str(row["id"]), "code": code} for row in rows if (code := self._cannot(row, cannot))]
        left_out = {one["message"] for one in refused}
        ready = [row for row in rows if str(row["id"]) not in left_out]
        if not dry and money:
            raise NotDone("E-REPLAY-MONEY", ", ".join(money[:3]))
        sent = ready
        if not dry:
            sent = [row for row in ready if await self._again(row, dest, by, refused)]
            await self._do((self._hand("replay", f"{len(sent)} messages, {asked.said()}", by),), by)
        return {
            "count": len(sent), "first": [str(row["id"]) for row in sent[:SHOWN]], "money": money[:SHOWN],
            "channels": dict(Counter(str(row["channel"]) for row in sent)), "refused": refused[:SHOWN],
            "left_out": len(refused), "waiting": len(found) - len(rows), **({"dry_run": True} if dry else {}),
        }  # fmt: skip

    async def _again(self, row: Mapping[str, Any], dest: str, by: By, refused: list[dict[str, str]]) -> bool:
        """One of many: that it cannot be sent stops none of the others."""
        try:
            await self.resend(int(row["id"]), dest, None, By(by.who, by.reason), str(row["state"]))
        except NotDone as no:
            refused.append({"message": str(row["id"]), "code": no.code})
            return False
        return True

    def _cannot(self, row: Mapping[str, Any], cannot: Mapping[int, str]) -> str:
        channel = self._sites.current.channels.get(row["channel"])
        if channel is None or channel.deliver is None:
            return "E-NO-CHANNEL"
        return cannot.get(row["id"], "")

    async def switch(self, what: str, state: str, by: By) -> dict[str, Any]:
        """Pause, kill or let go a channel or party. NotDone: E-NO-CHANNEL."""
        kind, _, name = what.partition(" ")
        site = self._sites.current
        known = {
            "channel": {one.name for one in site.channels.values() if one.deliver is not None},
            "party": set(site.engine.parties),
        }
        if name not in known.get(kind, ()) or (kind == "party" and state == "killed"):
            raise NotDone("E-NO-CHANNEL", what)
        word = {"paused": "pause", "killed": "kill"}.get(state, "resume")
        row = set_switch(what, state, self._world.now(), by.who, by.reason)
        await self._do((row, self._hand(word, what, by)), by)
        self._deliver.switched(what, state)
        return {"what": what, "state": state or "running"}

    # One message

    async def _look(self, no: int) -> tuple[Kept, Sequence[Mapping[str, Any]], DeliverSpec]:
        def look(conn: Connection) -> tuple[Kept | None, Sequence[Mapping[str, Any]]]:
            return message(conn, no), due_of(conn, no)

        kept, due = await self._store.read(look)
        if kept is None:
            raise NotDone("E-NO-MESSAGE", str(no))
        channel = self._sites.current.channels.get(kept.channel)
        if channel is None or channel.deliver is None:
            raise NotDone("E-NO-CHANNEL", kept.channel or "-")
        return kept, due, channel.deliver

    def _money(self, channel: str, kind: str) -> bool:
        return about_money(self._sites.current, channel, kind)

    async def _revive(self, no: int, dead: Sequence[Mapping[str, Any]], word: str, by: By) -> None:
        writes = [send_again(no, row["dest"]) for row in dead]
        what = f"{no} {' '.join(row['dest'] for row in dead)}"
        await self._do((*writes, reopen(no), self._hand(word, what, by)), by)
        for row in dead:
            self._deliver.lanes.revived(row["channel"], row["dest"], row["lane"], no)

    async def _copy(
        self, kept: Kept, spec: DeliverSpec, dest: str, body: bytes | None, word: str, by: By
    ) -> dict[str, Any]:
        """A new message with the old one's bytes, or edited ones (a text in UTF-8)."""
        if self._money(kept.channel, kept.kind):
            raise NotDone("E-REPLAY-MONEY", str(kept.id))
        edited = body is not None
        body = await self._bytes(kept.id) if body is None else self._in_its_charset(kept, spec, body)
        held = Held(self._ids.new(), kept.channel, kept.kind, kept.source, kept.control, self._world.now())
        held.body, held.digest, held.opens, held.of_message = body, digest_of(body), 0, kept.id
        held.ack = "AA"
        held.patient, held.visit = kept.patient, kept.visit
        try:
            names = names_of(spec, held, self._sites.current.engine.hospital, self._charset(spec))
        except ValueError as no:
            raise NotDone("E-EDIT", str(no)[:100]) from None
        if edited:
            self._deliver.intake.note_persons(spec, held, names)
        self._deliver.intake.place(spec, held, names, {dest} if dest else None)
        if not held.rows:
            raise NotDone("E-DEST", dest or "-")
        await self._do((*self._deliver.batches.rows_of(held), self._hand(word, f"{kept.id} as {held.id}", by)), by)
        receivers = [str(row[1]) for row in held.rows]
        self._deliver.lanes.add(held)
        return {"message": str(held.id), "of": str(kept.id), "again": receivers}

    async def _bytes(self, no: int) -> bytes:
        found = await self._store.read(lambda conn: message_bytes(conn, [no]))
        if no not in found:
            raise NotDone("E-BODY-GONE", str(no))
        return found[no][1]

    def _charset(self, spec: DeliverSpec) -> str:
        """What messages are in that do not say."""
        door = self._sites.current.engine.listeners.get(spec.at)
        return (door.charset if door is not None else "") or "utf-8"

    def _in_its_charset(self, kept: Kept, spec: DeliverSpec, text: bytes) -> bytes:
        """An edited HL7 message in the character set that it names: editors write UTF-8, HIS declare GBK. It must still
        be the kind of message it was: another one may be about money, or nobody's here."""
        if spec.form != "hl7":
            return text
        text = text.removeprefix(b"\xef\xbb\xbf")
        header = hl7v2.header_of(text)
        if f"{header.code}^{header.event}" != kept.kind:
            raise NotDone("E-EDIT", f"MSH-9: {kept.kind}")
        try:
            named = charset_named(header.declared) or charset_named(self._charset(spec))
            return text if named in ("", UTF_8) else to_bytes(text.decode("utf-8"), GB18030)
        except ValueError as no:
            raise NotDone("E-EDIT", str(no)[:100]) from None

    # Keeping it

    def _hand(self, kind: str, what: str, by: By) -> Write:
        return add_hand(self._ids.new(), self._world.now(), kind, what, by.who, by.reason)

    async def _do(self, writes: Sequence[Any], by: By) -> None:
        """NotDone: E-CHANGED when a guard failed: somebody else, or the engine itself, was first."""
        done = await self._store.submit(Unit("hand", (*writes, *by.used)))
        if not done.committed:
            raise NotDone("E-CHANGED", str(writes[-1].params["what"]))  # the hand itself is the last
