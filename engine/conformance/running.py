"""Plays an interface list: builds each request by the party's own code, sends it, reads and judges the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from engine.conformance.forms import Difference, differences, form_of
from engine.conformance.interfaces import BadList, Interface, InterfaceList, Person, Wait
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.core.times import BEIJING
from engine.masking.bodies import as_text, show_exchange
from engine.parties.contract import Outgoing, Party
from engine.parties.outcome_table import judge

PASSED, DIFFERS, REFUSED, NO_ANSWER, NOT_RUN = "passed", "differs", "refused", "no_answer", "not_run"
LEFT_OUT = "left_out"  # the platform has not opened it to this hospital
GIVE_UP = 3  # answers missing one after the other


class NoAnswer(Exception):
    """Nothing came back; the text says why. `reached`: somebody was there at all."""

    def __init__(self, why: str, *, reached: bool = True) -> None:
        super().__init__(why)
        self.reached = reached


class Ground(Protocol):
    """What the list stands on: the line to the platform, the clock, and the person at it."""

    def send(self, request: HttpRequest) -> tuple[HttpReply, float]:
        """The reply and the milliseconds it took; NoAnswer."""

    def now(self) -> float: ...
    def nonce(self) -> str: ...
    def wait(self, seconds: float) -> None: ...
    def person(self, one: Person, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Let somebody do it; what came of it, by the names in `one.keep`. NoAnswer when it cannot be done."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the pass sheet. `request` and `reply` are masked texts."""

    op: str
    title: str
    title_en: str
    result: str
    number: str = ""
    code: str = ""
    text: str = ""
    outcome: str = ""
    ms: float = 0.0
    differences: tuple[Difference, ...] = ()
    why: str = ""
    request: str = ""
    reply: str = ""

    def public(self) -> dict[str, Any]:
        return {
            "op": self.op, "title": self.title, "title_en": self.title_en, "result": self.result,
                "number": self.number,
            "code": self.code, "text": self.text, "outcome": self.outcome, "ms": round(self.ms, 1),
            "differences": [one.public() for one in self.differences], "why": self.why, "request": self.request,
            "reply": self.reply,
        }


@dataclass(slots=True)
class Run:
    """One list being played. `settings` are the opened settings of the connection."""

    party: Party
    wanted: InterfaceList
    settings: Any
    ground: Ground
    given: Mapping[str, Any]
    lines: list[Line] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    session: dict[str, str] = field(default_factory=dict)
    count: int = 0

    def play(self, said: Callable[[Line], None] = lambda line: None) -> list[Line]:
        """All steps in order. What needs a value that an earlier step did not bring is `not_run`. NoAnswer when nobody
        is at the address at all."""
        self.values = {**self.wanted.given, **self.given}
        for step in self.wanted.steps:
            silent = self._silent()
            match step:
                case Wait() if not silent:
                    self.ground.wait(step.seconds)
                case Person() if not silent:
                    self._person(step)
                case Interface():
                    line = self._unheard(step) if silent else self._call(step)
                    self.lines.append(line)
                    said(line)
        return self.lines

    def _silent(self) -> bool:
        """Nobody answers there any more: waiting for each of the rest would take an hour and tell nothing."""
        sent = [line.result for line in self.lines if line.result not in (NOT_RUN, LEFT_OUT)]
        return sent[-GIVE_UP:] == [NO_ANSWER] * GIVE_UP

    def _unheard(self, step: Interface) -> Line:
        why = f"对方接连 {GIVE_UP} 次没有应答 · {GIVE_UP} times running there was no answer"
        return replace(self._line(step), result=NOT_RUN, why=why)

    def _line(self, step: Interface) -> Line:
        op = self.party.ops[step.op]
        return Line(step.op, step.title or op.zh, step.title_en or op.en, NOT_RUN)

    def _open(self, needs: str) -> bool:
        """Whether the connection says that its platform has opened this to the hospital."""
        return not needs or bool(getattr(getattr(self.settings, "plain", self.settings), needs))

    def _person(self, step: Person) -> None:
        try:
            body = self._filled(step.act, "")
        except _Missing:
            return
        got = self.ground.person(step, body)
        for name, told in step.keep.items():
            if got.get(told) not in (None, ""):
                self.values[name] = got[told]

    def _call(self, step: Interface) -> Line:
        line, number = self._line(step), ""
        if not self._open(step.needs):
            why = f"连接没有开通 {step.needs} · the connection has no {step.needs}"
            return replace(line, result=LEFT_OUT, why=why)
        if "ops" in self.values and step.op not in self.values["ops"]:
            return replace(line, result=LEFT_OUT, why="不在 ops 之中，不办 · not among the values' `ops`")
        try:
            number = self._number(step.number)
            body = self._filled(step.send, number)
            answer_forms = {path: form_of(self._text(form, number)) for path, form in step.answer.items()}
        except _Missing as missing:
            return replace(line, why=f"{missing.args[0]}：前面的接口没有得到 · an earlier interface did not bring it")
        call = Outgoing(step.op, body, number, self.settings, dict(self.session), self.ground.now(),
            self.ground.nonce())
        try:
            request = self.party.build(call)
        except ValueError as wrong:
            return replace(line, number=number, why=f"无法组成报文 · cannot be built: {wrong}")
        try:
            reply, ms = self.ground.send(request)
        except NoAnswer as no:
            if not no.reached and not self.lines:
                raise
            sent, _, _ = show_exchange(request_bytes(request), None)
            return replace(line, result=NO_ANSWER, number=number, why=str(no), request=as_text(sent) or "")
        return self._judged(step, line, call, request, reply, ms, answer_forms)

    def _judged(
        self, step: Interface, line: Line, call: Outgoing, request: HttpRequest, reply: HttpReply, ms: float,
        forms: Mapping[str, Any],
    ) -> Line:
        answer = self.party.read(call, request, reply)
        outcome = judge(answer, step.op, (), self.party.outcomes) if answer.intact else Outcome.UNKNOWN
        sent, got, _ = show_exchange(request_bytes(request), reply_bytes(reply))
        line = replace(
            line, number=call.number, code=answer.code, text=answer.text, outcome=outcome.value, ms=ms,
            request=as_text(sent) or "", reply=as_text(got) or "",
        )
        if not answer.intact:
            why = f"应答不可信 · the answer cannot be believed: {answer.text or 'envelope or signature'}"
            return replace(line, result=REFUSED, why=why)
        good = answer.code in step.code if step.code else outcome.value in step.outcome
        if not good:
            wanted = " ".join(step.code or step.outcome)
            said = f"{answer.code} {answer.text}".strip()
            return replace(line, result=REFUSED, why=f"应为 · expected {wanted}，实为 · got {said}")
        found = differences(answer.body, forms)
        self._keep(step, call, answer.body)
        return replace(line, result=DIFFERS if found else PASSED, differences=tuple(found))

    def _keep(self, step: Interface, call: Outgoing, body: Any) -> None:
        for name, path in step.keep.items():
            value = call.number if path == "number" else _value(body, path)
            if value not in (None, ""):
                self.values[name] = value
        for name, path in step.session.items():
            if (value := _value(body, path)) not in (None, ""):
                self.session[name] = str(value)

    def _number(self, kind: str) -> str:
        """A number nobody had before (time and count), or one that an earlier step kept."""
        if kind.startswith("$"):
            return str(self._filled(kind, ""))
        self.count += 1
        stamp = datetime.fromtimestamp(self.ground.now(), BEIJING).strftime("%Y%m%d%H%M%S")
        match kind:
            case "":
                return ""
            case "msgid":
                code = str(getattr(self.settings, "fixmedins_code", "") or self.values.get("fixmedins_code", ""))
                return f"{code}{stamp}{self.count:04d}"
            case "serial":
                return f"{stamp}{self.count:04d}"
        return f"CT{stamp}{self.count:04d}"

    # Values

    def _filled(self, tree: Any, number: str) -> Any:
        if isinstance(tree, Mapping):
            return {name: self._filled(value, number) for name, value in tree.items()}
        if isinstance(tree, list):
            return [self._filled(value, number) for value in tree]
        return self._one(tree, number) if isinstance(tree, str) and tree.startswith("$") else tree

    def _one(self, text: str, number: str) -> Any:
        name, _, rest = text[1:].partition(" ")
        if name == "number":
            return number
        if name == "int":
            return int(str(self._filled(rest, number)))
        if name == "now":
            return self._moment(0.0, rest)
        if name == "later":
            seconds, _, form = rest.partition(" ")
            return self._moment(float(seconds), form)
        if name not in self.values:
            raise _Missing(name)
        value = self.values[name]
        told = isinstance(value, Mapping) and value is {**self.wanted.given, **self.given}.get(name)
        return self._filled(value, number) if told else value  # a whole message, as the tester wrote it

    def _text(self, text: str, number: str) -> str:
        return " ".join(str(self._one(word, number)) if word.startswith("$") else word for word in text.split())

    def _moment(self, ahead: float, form: str) -> Any:
        when = datetime.fromtimestamp(int(self.ground.now() + ahead), BEIJING)
        if form == "unix":
            return int(when.timestamp())
        if form == "rfc3339":
            return when.isoformat()
        for ours, theirs in (("yyyy", "%Y"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"), ("mm", "%M"), ("ss", "%S")):
            form = form.replace(ours, theirs)
        if not form:
            raise BadList("$now and $later need a form")
        return when.strftime(form)


class _Missing(Exception):
    """A value that no earlier step brought."""


def _value(body: Any, path: str) -> Any:
    """`a.b`, `rows[0].x`."""
    at = body
    for piece in path.replace("[", ".").replace("]", "").split("."):
        if isinstance(at, list):
            at = at[int(piece)] if piece.isdecimal() and int(piece) < len(at) else None
        else:
            at = at.get(piece) if isinstance(at, Mapping) else None
    return at


def request_bytes(request: HttpRequest) -> bytes:
    """As it is shown."""
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers)
    return f"{request.method} {request.target} HTTP/1.1\r\n{head}\r\n".encode() + request.body


def reply_bytes(reply: HttpReply) -> bytes:
    """As it is shown."""
    head = "".join(f"{name}: {value}\r\n" for name, value in reply.headers)
    return f"HTTP/1.1 {reply.status}\r\n{head}\r\n".encode() + reply.body
