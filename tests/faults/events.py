"""What the HIS tells over HL7, sent on to every receiver while one of them misbehaves: acknowledged is arrived."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.protocol import ClientFactory, Protocol

from engine.store.messages import due_of, message
from tests.faults.journeys import PATIENCE, Run
from tests.faults.receivers import WANTS

# In the order they are told: each patient's must arrive in it at every receiver.
TOLD = (
    ("P0001", "ADT^A04"), ("P0002", "ADT^A04"), ("P0001", "ADT^A08"), ("P0001", "SIU^S12"), ("P0002", "ADT^A08"),
    ("P0001", "ORU^R01"), ("P0001", "ADT^A08"), ("P0002", "SIU^S12"), ("P0002", "ORU^R01"), ("P0001", "SIU^S12"),
    ("P0001", "ORU^R01"), ("P0002", "ADT^A08"),
)  # fmt: skip
# A clear no: a dead letter. After these it may stand there twice, under one number: it was taken, and we did not hear.
NO = frozenset({"http_400", "ack_ar"})
UNHEARD = frozenset({
    "reset_after_commit", "timeout_after_commit", "half_reply", "http_504", "drip", "late_commit", "slow", "ack_late",
    "ack_wrong_number",
})  # fmt: skip


@dataclass(frozen=True)
class Sent:
    """One message as the HIS sent it, its number with us, and how it stands at the receivers that want it."""

    patient: str
    kind: str
    control: str
    number: str
    state: str
    dead: Mapping[str, str]  # receiver → reason

    def known_as(self, receiver: str) -> str:
        """What the receiver knows it by: a message that is passed on as it came keeps the sender's number."""
        return self.control if receiver == "lis" else self.number


class EventsRun(Run):
    """A morning's events of two patients."""

    def go(self, party: str, order: Mapping[str, Any] | None, back: bool) -> None:
        town, began = self.town, self.town.now
        self.order = {"party": party, **order} if order else {}
        self._begin()
        self._tell()
        until = town.now + PATIENCE
        while self._waiting():
            assert town.now < until, "not delivered after two hours"
            town.pass_time(5.0)
        self._seen(1)
        self.out.seconds = town.now - began
        town.pass_time(100.0)  # longer than what was late may take
        self.out.used = self.fault.used if self.fault else 0
        self._judge()
        town.do(town.lab.close(), 200.0)

    def _tell(self) -> None:
        """All at once over one connection, as a HIS sends what has gathered."""
        lab, line = self.town.lab, _Line()
        factory: Any = ClientFactory()
        factory.noisy, factory.protocol = False, lambda: line
        self.town.sim.node("his-events").connectTCP(lab.engine_host, lab.hl7_port, factory)
        assert self.town.sim.run(lambda: line.transport is not None, 5.0), "nobody listens"
        for at, (patient, kind) in enumerate(TOLD):
            line.transport.write(b"\x0b" + _hl7(f"C{at}", patient, kind) + b"\x1c\r")
        assert self.town.sim.run(lambda: line.heard.count(b"\x1c\r") == len(TOLD), 20.0), line.heard
        self.acks = [part.split(b"|")[1] for part in line.heard.split(b"\rMSA")[1:]]
        line.transport.loseConnection()

    def _waiting(self) -> list[dict[str, Any]]:
        return self.town.select("SELECT * FROM outbox WHERE state <> 'dead'")

    def _sent(self) -> list[Sent]:
        def look(conn: Any) -> list[Sent]:
            found = []
            for control, number in known.items():
                one = message(conn, number)
                assert one is not None
                dead = {receiver: row["reason"] for receiver in WANTS for row in due_of(conn, number)
                        if (row["dest"], row["state"]) == (_dest(receiver), "dead")}  # fmt: skip
                patient, kind = TOLD[int(control[1:])]
                found.append(Sent(patient, kind, control, str(number), one.state, dead))
            return found

        rows = self.town.select("SELECT id, control FROM messages ORDER BY id")
        known = {row["control"]: row["id"] for row in rows}
        found: list[Sent] = self.town.read(look)
        return found

    def _arrived(self) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in WANTS}
        for row in self.town.ledger("subscribers", "message"):
            found[row["party_no"].rpartition("-")[0]].append(row)
        return found

    def _judge(self) -> None:
        out, fault = self.out, self.order.get("fault", "")
        out.flaws += [] if self.acks == [b"AA"] * len(TOLD) else [f"acknowledged {self.acks}"]
        sent, arrived = self._sent(), self._arrived()
        out.flaws += judge_events(sent, arrived, self.order.get("op", ""), fault)
        out.flaws += self._resent(sent)
        twice = any(row["state"] == "duplicate" for rows in arrived.values() for row in rows)
        out.state = "dead" if any(one.dead for one in sent) else "twice" if twice else "delivered"
        out.flaws += [f"logged: {row['event']}" for row in self.town.logged("error")]

    def _resent(self, sent: Sequence[Sent]) -> list[str]:
        """The operator sends every dead letter again: then nothing is missing anywhere."""
        for one in sent:
            for receiver in one.dead:
                target = f"/v1/deliver/messages/{one.number}/resend"
                wish = {"by": "值班甲", "reason": "接收方已修好", "dest": _dest(receiver)}
                reply = self.town.ask("POST", target, wish, client="OPS")
                if reply.status != 200:
                    return [f"a dead letter cannot be sent again: {reply.body.decode()}"]
        self.town.pass_time(60.0)
        there = self._arrived()
        wanted = {(name, one.known_as(name)) for one in sent for name in WANTS if wants(name, one.kind)}
        missing = wanted - {(name, row["no"]) for name, rows in there.items() for row in rows}
        return [f"lost: {sorted(missing)}"] if missing else []


def judge_events(
    sent: Sequence[Sent], arrived: Mapping[str, Sequence[Mapping[str, Any]]], op: str, fault: str
) -> list[str]:
    """Everything that is wrong, in words. `op`, `fault`: which receiver was to misbehave, and how."""
    flaws = [] if len(sent) == len(TOLD) else [f"{len(sent)} of {len(TOLD)} stored"]
    for name, rows in arrived.items():
        wanted = [one for one in sent if wants(name, one.kind)]
        dead = [one for one in wanted if name in one.dead]
        first = [row["no"] for row in rows if row["state"] == "done"]
        again = [row["no"] for row in rows if row["state"] == "duplicate"]
        for patient in sorted({one.patient for one in wanted}):
            due = [one.known_as(name) for one in wanted if one.patient == patient and name not in one.dead]
            came = [no for no in first if no in set(due)]
            flaws += [] if came == due else [f"{name}, {patient}: {came} arrived, {due} acknowledged, in this order"]
        flaws += [f"{name}: nobody sent {no}" for no in first if no not in {one.known_as(name) for one in wanted}]
        flaws += [f"{name}: other content under a used number" for row in rows if row["state"] == "conflict"]
        flaws += [f"{name}: {again} again"] * (len(again) > (name == op and fault in UNHEARD))
        flaws += [f"{name}: a dead letter that arrived" for one in dead if one.known_as(name) in first]
        flaws += [f"{name}: {len(dead)} dead letters"] * (len(dead) != (name == op and fault in NO))
        flaws += [f"{name}: a dead letter without its reason" for one in dead if not one.dead[name].strip()]
    flaws += [f"{one.control} is {one.state}" for one in sent if one.state != ("dead" if one.dead else "done")]
    return flaws


def wants(receiver: str, kind: str) -> bool:
    """Whether a receiver is sent this kind of message."""
    return not WANTS[receiver] or kind in WANTS[receiver]


def _dest(receiver: str) -> str:
    """What the channel calls it; `report` is a name of its conditions."""
    return "reports" if receiver == "report" else receiver


class _Line(Protocol):
    transport: Any = None

    def __init__(self) -> None:
        self.heard = b""

    def dataReceived(self, data: bytes) -> None:
        self.heard += data


def _hl7(control: str, patient: str, kind: str) -> bytes:
    """One message in UTF-8; the laboratory is told apart by MSH-5."""
    code, _, event = kind.partition("^")
    head = f"MSH|^~\\&|NHIS|MAIN|LIS||20261122080000||{kind}|{control}|P|2.4||||||UNICODE UTF-8"
    person = f"PID|1||{patient}^^^MAIN^PatientNO||测试甲||19900101|M"
    more: Iterable[str] = (f"EVN|{event}|20261122080000", person, f"PV1|1|O{'|' * 17}V{patient}")
    if code == "ORU":
        more = (person, "OBR|1|||GLU^血糖", "OBX|1|NM|GLU^葡萄糖||6.1|mmol/L|3.9-6.1|N|||F")
    elif code == "SIU":
        doctor, at = "D01^模拟医师一", "^^^20261122090000"
        sch = f"SCH|V{control}|V{control}||||BOOK^预约|CHECKUP^复诊||||{at}|||||{doctor}||||{doctor}|||||Booked"
        more = (sch, person, "RGS|1|A", "AIS|1|A|KQ01^牙体牙髓科|20261122090000")
    return "\r".join((head, *more, "")).encode()
