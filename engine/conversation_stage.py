"""The stage of a conversation: the real engine on a fake clock, its parties scripted at their decoded payloads.

Everything between the kiosk's request and a party's decoded answer is production code: doors, maps, rules, saga,
store, sessions, outcome tables. Only bytes and signatures are left out.
"""

from __future__ import annotations

import io
import math
from collections import deque
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from engine.app import Engine
from engine.codecs import json_text
from engine.conversation_deliver import rehearse_deliver
from engine.conversation_file import FOREVER, Reply, TestFile
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.core.world import World
from engine.parties.contract import Answer, Heard, NotHeard, OutcomeRow, Party
from engine.parties.outcome_table import judge
from engine.parties.registry import PARTIES
from engine.runtime.auth import Client, signature
from engine.runtime.connections import Connection, Link
from engine.runtime.logs import open_log
from engine.runtime.outflow import Outflow, Talk
from engine.runtime.sessions import Session
from engine.site.site import Site
from engine.store.open import open_store

Tree = Any
PURPOSES = (".do", ".ask", ".stop")
LIMIT = 150.0  # seconds a kiosk waits for an answer
SECRET = b"conversation"


class Broken(Exception):
    """The conversation itself cannot go on: something it needs was not told."""


@dataclass(frozen=True, slots=True)
class Made:
    """A call the engine has made."""

    call: str
    number: str
    body: Tree
    at: float


class Script:
    """What the parties will answer, and what they were asked."""

    def __init__(self, test: TestFile, site: Site) -> None:
        self._usual, self._site, self._channel = dict(test.answers), site, test.channel
        self._next: dict[str, deque[Reply]] = {}
        self._names = [name for channel in site.channels.values() for name in channel.calls]
        self.calls: list[Made] = []
        self.told: list[str] = []  # deliver channels that got a message of the settlement
        self.problem = ""

    def add(self, reply: Reply) -> None:
        """The next answers to a call."""
        self._next.setdefault(reply.call, deque()).append(reply)

    def take(self, label: str, number: str, body: Tree, now: float) -> Reply:
        """The answer to the call just made; Broken when nobody told it."""
        call = next((label.removesuffix(p) for p in PURPOSES if label.removesuffix(p) in self._names), label)
        self.calls.append(Made(call, number, body, now))
        queue = self._next.get(call)
        if queue:
            reply = queue[0]
            if reply.times > 1:
                queue[0] = replace(reply, times=reply.times - 1) if reply.times < FOREVER else reply
            else:
                queue.popleft()
        else:
            found = self._usual.get(call)
            if found is None:
                raise Broken(f"没有写 {call} 的应答 · nobody told what {call} answers")
            reply = found
        return replace(reply, call=type(reply.call)(call, reply.call.mark))

    def body(self, reply: Reply) -> Tree:
        """The payload of an answer, with everything that stands for something the engine sent."""
        usual = self._usual.get(reply.call)
        if reply.body is not None:
            tree = reply.body.tree
        elif reply.code is None and usual is not None and usual.body is not None:
            tree = usual.body.tree
        else:
            tree = {}
        tree = deepcopy(tree)
        for path, value in reply.change.items():
            _put(tree, path, deepcopy(value.tree))
        return self.filled(tree)

    def filled(self, tree: Tree) -> Tree:
        """The tree with its `$…` replaced; Broken for one that stands for nothing."""
        if isinstance(tree, dict):
            return {name: self.filled(value) for name, value in tree.items()}
        if isinstance(tree, list):
            return [self.filled(value) for value in tree]
        return self._named(tree[1:]) if isinstance(tree, str) and tree.startswith("$") else tree

    def _named(self, text: str) -> Tree:
        calls = sorted((name for name in self._names if text.startswith(f"{name}.")), key=len)
        call = calls[-1] if calls else ""
        made = next((one for one in reversed(self.calls) if not call or one.call == call), None)
        path = text.removeprefix(f"{call}.")
        if made is not None and path == "number":
            return made.number
        if made is not None and path.startswith("body."):
            found = at_path(made.body, path.removeprefix("body."))
            if found is not None:
                return found
        raise Broken(f"${text} 指的内容没有发送过 · nothing the engine sent is called ${text}")

    def last(self, call: str) -> Made | None:
        """The last call of a name."""
        return next((one for one in reversed(self.calls) if one.call == call), None)


def at_path(tree: Tree, path: str) -> Tree:
    """The value at a dotted path (numbers count items of a list from 0), or None."""
    for part in path.split("."):
        if isinstance(tree, Mapping):
            tree = tree.get(part)
        elif isinstance(tree, list) and part.isdigit() and int(part) < len(tree):
            tree = tree[int(part)]
        else:
            return None
    return tree


def _put(tree: Tree, path: str, value: Tree) -> None:
    *parents, last = path.split(".")
    at = at_path(tree, ".".join(parents)) if parents else tree
    if isinstance(at, list) and last.isdigit() and int(last) < len(at):
        at[int(last)] = value
    elif isinstance(at, dict):
        at[last] = value
    else:
        raise Broken(f"应答里没有 {path} · the usual answer has no {path}")


class _Acted:
    """A party whose bytes are left out: operations and outcome table are the real ones."""

    def __init__(self, real: Party) -> None:
        self.kind, self.about, self.settings = real.kind, real.about, real.settings
        self.ops, self.outcomes = real.ops, real.outcomes
        self.heard: Heard | None = None

    def open(self, settings: Any) -> Any:
        return settings

    def build(self, call: Any) -> HttpRequest:
        raise AssertionError("a scripted party builds no bytes")

    def read(self, call: Any, request: HttpRequest, reply: HttpReply) -> Answer:
        raise AssertionError("a scripted party reads no bytes")

    def verify(self, settings: Any, request: HttpRequest, now: float) -> Heard | NotHeard:
        assert self.heard is not None, "a callback is announced before it comes"
        return self.heard


class _NoLine:
    """In place of a sender: nothing is sent."""

    in_flight = queued = 0

    def stop(self, seconds: float = 0.0) -> Deferred[None]:
        return succeed(None)


class _ScriptedOutflow(Outflow):
    """Answers from the script in place of the wire; sessions and outcomes stay as they are."""

    script: Script

    async def _once(
        self, link: Connection, op: str, number: str, body: Tree, session: Mapping[str, str], deadline: float,
        rows: tuple[OutcomeRow, ...], label: str, made: float,
    ) -> Talk:  # fmt: skip
        started = self._world.now()
        sent = json_text.print_json({"op": op, "number": number, "session": dict(session), "body": body})
        try:
            reply = self.script.take(label, number, body, started)
            tree = self.script.body(reply) if reply.kind == "answers" else {}
        except Broken as no:
            self.script.problem = self.script.problem or str(no)
            return self._unsent(started, "the conversation is broken", sent)
        if reply.kind == "down":
            return self._unsent(started, "connection refused", sent)
        silent = reply.kind == "silent"
        await self._pause(max(0.0, deadline - started) if silent else min(reply.after, deadline - started))
        if silent or reply.after > deadline - started:
            answer = Answer(False, "SILENT", "timeout")
            return Talk(Outcome.UNKNOWN, answer, sent, b"", started, self._world.now(), "timeout")
        code = reply.code or _good_code(link.party)
        answer = Answer(True, "-1" if reply.kind == "forgets" else code, reply.text, tree, reply.kind == "forgets")
        outcome = judge(answer, op, rows, link.party.outcomes)
        return Talk(outcome, answer, sent, json_text.print_json({"code": code, "body": tree}), started,
                    self._world.now())  # fmt: skip

    def _pause(self, seconds: float) -> Deferred[None]:
        over: Deferred[None] = Deferred()
        self._world.later(seconds, over.callback, None)
        return over


def _good_code(party: Party) -> str:
    """The code with which this party accepts."""
    return next(row.code for row in party.outcomes if row.outcome is Outcome.ACCEPTED and not row.ops)


class _Rehearsal(Engine):
    """The engine without sockets, with scripted parties and clients of one secret."""

    script: Script
    acted: dict[str, _Acted]

    def _make_outflow(self) -> Outflow:
        made = _ScriptedOutflow(self.world, self.connections, self.sessions, self.meters)
        made.script = self.script
        return made

    def _link(self, name: str, site: Site) -> Link:
        party = self.acted.setdefault(name, _Acted(PARTIES[site.engine.parties[name].kind]))
        no_line: Any = _NoLine()
        return Link(party, lambda: None, lambda tls: no_line)

    def _clients(self, site: Site) -> dict[str, Client]:
        return {
            name: Client(str(name), lambda: SECRET, frozenset(one.scopes), frozenset(one.campuses))
            for name, one in site.engine.clients.items()
        }

    async def _open_doors(self) -> None:
        """No sockets: the kiosk knocks inside."""


def signed_in(site: Site) -> dict[str, frozenset[str]]:
    """Parties with a daily sign-in, each with the calls that make it."""
    keeping = [channel for channel in site.channels.values() if channel.keep == "session"]
    return {channel.calls[name].party: frozenset(channel.do) for channel in keeping for name in channel.do}


def _only(site: Site, name: str) -> Site:
    """The site in which no other channel than this one runs by the clock."""
    channels = {key: replace(channel, every=None) if key != name else channel for key, channel in site.channels.items()}
    return replace(site, channels=channels)


class Stage:
    """One conversation's world. `answer` is the last thing a terminal was told: (HTTP status, body)."""

    def __init__(self, site: Site, test: TestFile, folder: Path) -> None:
        self.site, self.test, self._folder = _only(site, test.channel), test, folder
        self.clock: Any = Clock()  # Twisted types it too narrowly for our Reactor
        self.clock.rightNow = test.at
        self.script = Script(test, site)
        self.log = io.StringIO()
        self.answer: tuple[int, Tree] = (0, {})
        self.no = ""
        self._starts = self._nonces = 0
        self._acted: dict[str, _Acted] = {}
        self.engine: Engine = self._start()

    def _start(self) -> Engine:
        self._starts += 1
        world = World(self.clock, anchor=self.test.at, seed=self._starts, inline=True)
        store = open_store(str(self._folder / "engine.db"), world, bytes(32), durable=False)
        kind = type("Rehearsal", (_Rehearsal,), {"script": self.script, "acted": self._acted})
        engine: Engine = kind(world, self._folder, self.site, store, open_log(world.now, self.log))
        rehearse_deliver(engine, self.script, self.test.channel)
        self.run(Deferred.fromCoroutine(engine.start()), 60.0)
        if self.site.channels[self.test.channel].kind != "every":
            for party in signed_in(self.site):
                engine.sessions.put(party, Session({"sign_no": "SIGNED-IN"}, math.inf))
        return engine

    def run(self, ending: Deferred[Any], seconds: float) -> Any:
        """Let time pass until this has ended, at most so many seconds."""
        ended: list[Any] = []
        ending.addBoth(ended.append)
        until = self.clock.seconds() + seconds
        while not ended:
            coming = min((call.getTime() for call in self.clock.getDelayedCalls()), default=until)
            if coming >= until:
                raise Broken(f"{seconds:g} 秒内没有结果 · nothing came of it in {seconds:g} s")
            self.clock.advance(max(0.0, coming - self.clock.seconds()))
        if hasattr(ended[0], "raiseException"):
            ended[0].raiseException()
        return ended[0]

    def wait(self, seconds: float) -> None:
        """Let so many seconds pass, one event after another."""
        until = self.clock.seconds() + seconds
        while True:
            coming = min((call.getTime() for call in self.clock.getDelayedCalls()), default=until)
            self.clock.advance(max(0.0, min(coming, until) - self.clock.seconds()))
            if coming > until or self.clock.seconds() >= until:
                return

    def restart(self) -> None:
        """The engine ends and a new one starts on the same store."""
        self.run(Deferred.fromCoroutine(self.engine.stop()), 60.0)
        self.engine = self._start()

    def ask(self, method: str, target: str, body: Tree = None) -> None:
        """A terminal's request, signed by the file's client; `answer` has the reply."""
        content = b"" if body is None else json_text.print_json(self.script.filled(body))
        request = HttpRequest(method, target, (), content)
        self._nonces += 1
        stamp, nonce = str(int(self.clock.seconds())), f"n{self._nonces}"
        mark = signature(SECRET, request, stamp, nonce)
        headers = (("X-Client", self.client), ("X-Timestamp", stamp), ("X-Nonce", nonce), ("X-Signature", mark))
        reply = self._knock(self._listener(), HttpRequest(method, target, headers, content))
        self.answer = (reply.status, json_text.parse(reply.body))
        no = self.answer[1].get("settlement_no")
        self.no = no if no and reply.status < 300 else self.no

    @property
    def client(self) -> str:
        """Who speaks: the file's client, else the one who may do most."""
        clients = self.site.engine.clients
        return self.test.client or max(sorted(clients), key=lambda name: len(clients[name].scopes))

    def _listener(self) -> str:
        listen = self.site.channels[self.test.channel].listen
        if listen is None:
            raise Broken("这个通道没有监听地址 · this channel has no door")
        return str(listen.at)

    def _knock(self, listener: str, request: HttpRequest) -> HttpReply:
        said = self.engine.doors.knock(listener, request)
        reply: HttpReply = said if isinstance(said, HttpReply) else self.run(said, LIMIT)
        return reply

    def callback(self, who: str, kind: str, body: Tree) -> None:
        """A party tells something by itself, verified."""
        hears = next((h for h in self.site.channels[self.test.channel].hears if h.party == who), None)
        if hears is None or who not in self._acted:
            raise Broken(f"通道不接收 {who} 的通知 · the channel hears nothing from {who}")
        good, bad = HttpReply(200, (), b""), HttpReply(500, (), b"")
        self._acted[who].heard = Heard(kind, self.script.filled(body), good, bad)
        door = self.site.engine.listeners[hears.at]
        self._knock(door.on or hears.at, HttpRequest("POST", door.path, (), b"{}"))
