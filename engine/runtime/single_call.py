"""One call to a party outside any settlement, such as asking for a bill; nothing of it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from engine.config.engine_parts import PartyEntry
from engine.connectors.contract import CallFailed
from engine.connectors.http_sender import HttpSender
from engine.core.http import HttpReply, HttpRequest
from engine.core.world import World
from engine.parties.bills import MAX_BILL
from engine.parties.contract import Answer, Outgoing, Party, Probes, RenewsKeys, Tree
from engine.parties.registry import PARTIES
from engine.site.settings import settings_of

WAIT = 30.0  # business seconds


class NoAnswer(Exception):
    """There was none, or none that can be believed; the text says why."""


@dataclass(slots=True)
class Line:
    """A party at its address, with its keys opened."""

    world: World
    party: Party
    url: str
    opened: Any
    reply_max: int = 8 * 1024 * 1024

    async def ask(self, op: str, body: Tree, *, url: str = "") -> Answer:
        """One call that changes nothing. A key the platform began to use is fetched, once. Errors: NoAnswer."""
        answer = await self._once(op, body, url)
        if answer.unknown_key and isinstance(self.party, RenewsKeys) and self.party.hands_out(answer.unknown_key):
            fetched = await self._once(self.party.keys_op, {}, "")
            if fetched.intact and fetched.code == "OK":
                self.opened = self.party.with_keys(self.opened, fetched.body)
                answer = await self._once(op, body, url)
        if not answer.intact:
            raise NoAnswer(answer.text or "not intact")
        return answer

    async def _once(self, op: str, body: Tree, url: str) -> Answer:
        if self.party.ops[op].changes:
            raise ValueError(f"{op} changes something: not outside a settlement")
        call = Outgoing(op, body, "", self.opened, {}, self.world.now(), self.world.nonce())
        request = self.party.build(call)
        return self.party.read(call, request, await self.fetch(request, url))

    async def fetch(self, request: HttpRequest, url: str = "") -> HttpReply:
        """The bytes that come back. `url`: another address than the connection's. Errors: NoAnswer."""
        sender = HttpSender(self.world, url or self.url, window=1, max_reply_bytes=self.reply_max)
        try:
            return await sender.send(request, WAIT)
        except CallFailed as no:
            raise NoAnswer(no.why) from None
        finally:
            sender.stop()

    def place_of(self, link: str, hosts: frozenset[str]) -> str:
        """The address a link leads to, if it is the party's own (what we sign goes there, so it is never sent in clear
        where the connection is not) or one of these hosts. Errors: NoAnswer."""
        there, home = urlsplit(link), urlsplit(self.url)
        own = (there.scheme, there.netloc) == (home.scheme, home.netloc)
        elsewhere = there.scheme in ("http", "https") and there.hostname in hosts and there.username is None
        if not own and not elsewhere:
            raise NoAnswer(f"a link to {there.netloc[:60] or 'nowhere'}, which is not allowed")
        return f"{there.scheme}://{there.netloc}"


def line_of(world: World, entry: PartyEntry, root: Path, files: Mapping[str, bytes]) -> Line:
    """A party of engine.yaml with its secrets read now. Errors: SecretMissing, ValueError."""
    party = PARTIES[entry.kind]
    return Line(world, party, entry.url, party.open(settings_of(entry, party, root, files)), MAX_BILL)


async def tested(line: Line) -> tuple[bool, str]:
    """Whether a party's self-test went well, and what to tell of it."""
    party = line.party
    if not isinstance(party, Probes):
        raise ValueError(f"{party.kind} has no self-test")
    try:
        answer = await line.ask(party.probe_op, party.probe_ask(line.opened, line.world.now(), line.world.nonce()))
    except NoAnswer as no:
        return False, str(no)
    return answer.code in party.probe_good, f"{party.probe_op}: {answer.code} {answer.text}".rstrip()
