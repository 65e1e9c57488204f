"""A party's MLLP door: messages come, are booked, and acknowledged; the party's books and misfortunes hold here too."""

# Twisted's protocol classes are only partly typed.
# mypy: allow-untyped-calls

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from simulators.base.conduct import Conduct
from simulators.base.faults import EXECUTED, NOT_EXECUTED, TIMED
from simulators.base.line import Line
from simulators.base.mllp import END, VT, Unframer, framed
from simulators.base.mllp_ack import Verdict, ack_of, refusal_of
from simulators.base.mllp_er7 import Er7, Unreadable, read
from simulators.base.objection import Objection
from simulators.base.wire import Req, Resp

if TYPE_CHECKING:
    from simulators.base.party import SimParty

# Not executed: AE, AR, and the AA whose text speaks of a failure. Executed: an AA for another message, a late AA.
ACK_REFUSALS = frozenset({"ack_ae", "ack_ar", "ack_aa_failed"})
ACK_BREAKS = frozenset({"ack_wrong_number"})
ACK_FAULTS = ACK_REFUSALS | ACK_BREAKS | {"ack_late"}  # a party with an MLLP door has them among its `own_faults`
_TAKEN = NOT_EXECUTED | EXECUTED | TIMED | ACK_REFUSALS | ACK_BREAKS | {"refuse_business"}
_REFUSED = {
    "refuse_business": Verdict("AE", "业务受理失败", "207"),
    "ack_ae": Verdict("AE", "应用处理错误", "207"),
    "ack_ar": Verdict("AR", "拒绝接收该消息", "200"),
    "ack_aa_failed": Verdict("AA", "处理失败：数据库异常"),
}
HL7 = "x-application/hl7-v2+er7"
_log = Logger()


class MllpSide:
    """Subclass it and answer `receive`.

    A message whose number (of this sender) was acknowledged with AA before gets the first acknowledgement again;
    other content under a used number gets AR. `default` is the codec of senders that declare none.
    """

    def __init__(self, host: SimParty) -> None:
        self.host = host
        self.default = "utf-8"
        self.reset()

    def reset(self) -> None:
        """The first morning: nothing was ever acknowledged."""
        self._first: dict[tuple[str, str], tuple[bytes, bytes]] = {}
        self._last_number = ""
        self._acks = 0

    # What a party says about itself

    def op_of(self, message: Er7) -> str:
        """The operation's public name, for faults and exchanges."""
        return message.event

    def match_of(self, op: str, message: Er7) -> dict[str, str]:
        """Fields a fault may match on."""
        return {
            "no": message.control_id, "event": message.event, "patient": message.get("PID-2") or message.get("PID-3.1"),
            "visit": message.get("PV1-19.1"),
        }  # fmt: skip

    def receive(self, op: str, message: Er7) -> Verdict:
        """The business: books the message and says what is thought of it."""
        raise NotImplementedError

    def repeated(self, op: str, message: Er7, *, same: bool) -> None:
        """A number that was acknowledged has come again, with the same content or another."""

    # What the base does for it

    def handle(self, body: bytes, line: MllpLine) -> None:
        """A block has arrived."""
        exchanges, stamp = self.host.exchanges, self.host.world.stamp("%Y%m%d%H%M%S")
        try:
            message = read(body, self.default)
        except Unreadable as wrong:
            row = exchanges.begin("unreadable", line.peer, framed(body))
            reply = framed(refusal_of(body, wrong, number=self._number(), at=stamp))
            exchanges.end(row, reply, "answered" if line.send(reply) else "gone")
            return
        op = self.op_of(message)
        fault = self.host.faults.take(op, _TAKEN, lambda: self.match_of(op, message))
        row = exchanges.begin(op, line.peer, framed(body), fault=fault.fault if fault else "")
        req = Req("MLLP", op, op, {}, {}, body, line.peer)
        Conduct(_Errand(self, message), op, req, line, fault, row).run()

    def answer(self, op: str, message: Er7) -> bytes:
        """Book it and give the acknowledgement, or the first one again."""
        msh = message.rows[0]
        key = ("|".join(msh.raw(n) for n in (3, 4, 5, 6)), message.control_id)
        digest = hashlib.sha256(message.body).digest()
        known = self._first.get(key) if message.control_id else None
        if known is not None:
            self.repeated(op, message, same=known[0] == digest)
            if known[0] == digest:
                return known[1]
            return self.ack(message, Verdict("AR", "消息编号重复且内容不同", "205", "MSH-10"))
        verdict = self.receive(op, message)
        ack = self.ack(message, verdict)
        if verdict.code == "AA" and message.control_id:
            self._first[key] = (digest, ack)
        self._last_number = message.control_id
        return ack

    def ack(self, message: Er7, verdict: Verdict, control_id: str | None = None) -> bytes:
        """An acknowledgement as this party writes them."""
        at = self.host.world.stamp("%Y%m%d%H%M%S")
        return ack_of(message, verdict, number=self._number(), at=at, control_id=control_id)

    def _number(self) -> str:
        self._acks += 1
        return f"ACK{self._acks}"

    def wrong_number(self, message: Er7) -> str:
        """Another message's number: the one before, as a late acknowledgement would have it."""
        return self._last_number if self._last_number not in ("", message.control_id) else f"{message.control_id}0"

    def listen(self, port: int, interface: str) -> Any:
        """Twisted's listening port."""
        return self.host.world.reactor.listenTCP(port, MllpFactory(self), interface=interface)


class _Errand:
    """One message on its way, as `Conduct` wants to see a party."""

    own_refusals, own_breaks = ACK_REFUSALS, ACK_BREAKS

    def __init__(self, side: MllpSide, message: Er7) -> None:
        self._side, self._message = side, message
        self._wrong_number = side.wrong_number(message)  # now: executing it makes it the last one
        self.name, self.world, self.exchanges = side.host.name, side.host.world, side.host.exchanges
        self.objection: Objection | None = None

    @property
    def life(self) -> int:
        return self._side.host.life

    def serve(self, op: str, req: Req) -> Resp | Deferred[Resp]:
        side, message = self._side, self._message
        resp = _resp(side.answer(op, message))
        late = side.host.take_fault(op, "ack_late", **side.match_of(op, message))
        if late is None:
            return resp
        waiting: Deferred[Resp] = Deferred()
        side.host.later(late, waiting.callback, resp)
        return waiting

    def break_reply(self, kind: str, op: str, req: Req, resp: Resp | None) -> Resp:
        side, message = self._side, self._message
        if resp is None:
            verdict = _REFUSED[kind]
            return _resp(side.ack(message, replace(verdict, place="MSH-9") if kind == "ack_ar" else verdict))
        return _resp(side.ack(message, Verdict(), self._wrong_number))


def _resp(ack: bytes) -> Resp:
    return Resp(200, ack, {"Content-Type": HL7})


class MllpLine(Line):
    """The connection one message came on; what is no HL7 (a login page) goes out without a frame."""

    def __init__(self, channel: MllpChannel) -> None:
        super().__init__(channel)
        self.peer = channel.peer

    def reply_bytes(self, resp: Resp) -> tuple[bytes, bytes]:
        hl7 = resp.headers.get("Content-Type") == HL7
        return (VT, resp.body + END) if hl7 else (b"", resp.body)


class MllpChannel(Protocol):
    """One connection: messages are handled one after the other, as they came."""

    transport: Any

    def __init__(self, side: MllpSide) -> None:
        self._side, self._unframer = side, Unframer()
        self._waiting: deque[bytes] = deque()
        self._line: MllpLine | None = None
        self._working = False
        self.gone = False
        self.peer = "memory:0"

    def connectionMade(self) -> None:
        peer = self.transport.getPeer()
        self.peer = f"{getattr(peer, 'host', 'memory')}:{getattr(peer, 'port', 0)}"
        if hasattr(self.transport, "setTcpNoDelay"):
            self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        try:
            self._waiting.extend(self._unframer.feed(data))
        except OverflowError:
            self.transport.abortConnection()
            return
        self.next()

    def next(self) -> None:
        """The next message, when the one before is answered."""
        if self._working:
            return
        self._working = True
        while self._waiting and not self.gone and (self._line is None or self._line.over):
            self._line = MllpLine(self)
            self._side.handle(self._waiting.popleft(), self._line)
        self._working = False

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.gone = True
        self._waiting.clear()


class MllpFactory(Factory):
    """The listening factory of one MLLP door."""

    noisy = False

    def __init__(self, side: MllpSide) -> None:
        self._side = side

    def buildProtocol(self, addr: Any) -> Protocol:
        return MllpChannel(self._side)
