"""The Qingdao platform as its callers meet it: bytes written by hand, over real sockets and in memory."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
import pytest_twisted
from memory_http import START, Wire, read_answers, request_bytes
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread  # noqa: TID251 - a blocking socket plays the client

from simulators.base.world import SimWorld
from simulators.qingdao import QingdaoSim

PERSON = "0000000001000001"  # the last sixteen of 测试甲's number


def message(kind: str, body: bytes, *, number: str = "202611220800000001", hospital: str = "37001") -> bytes:
    head = (
        b"SSSS" + b"20261122/080000/" + kind.encode().ljust(5) + b" " * 5 + hospital.encode().ljust(5)
        + b"K01".ljust(10) + b" " * 64 + b"K01".ljust(10) + b"1.0".ljust(7) + number.encode().ljust(100)
    )  # fmt: skip
    assert len(head) == 226
    return head + body.ljust(3766) + b" " * 100 + b"ZZZZ"


def order(name: str = "测试甲", total: str = "0001200.00", amount: str = "0000320.50", account: str = "") -> bytes:
    return (
        PERSON.encode().ljust(32) + b"KQ01" + b"D01".ljust(10) + b"A12345678".ljust(30) + name.encode("gbk").ljust(100)
        + total.encode() + amount.encode() + (account or amount).encode()
    )  # fmt: skip


class Caller:
    """One connection in memory."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.sim = QingdaoSim(SimWorld(self.clock, anchor=START))

    def raw(self, data: bytes) -> tuple[bytes, Wire]:
        wire = Wire()
        line = self.sim.site().buildProtocol(None)
        line.makeConnection(wire)
        line.dataReceived(data)
        return wire.value(), wire

    def ask(self, data: bytes) -> tuple[str, bytes]:
        """(back code, body) of a whole answer."""
        answer, _ = self.raw(data)
        assert (len(answer), answer[:4], answer[-4:]) == (4096, b"SSSS", b"ZZZZ")
        assert answer[20:25] == data[20:25]
        assert answer[126:226] == data[126:226]
        return answer[25:30].decode(), answer[226:3992]


@pytest.fixture
def caller() -> Caller:
    return Caller()


def test_a_person_by_card_at_the_documented_places(caller: Caller) -> None:
    back, body = caller.ask(message("CX001", b"A12345678".ljust(30)))
    assert back == "00000"
    assert body[:16].decode() == PERSON
    assert body[34:54] == "测试甲".encode("gbk").ljust(20)
    assert body[54:63] == b"119800312"
    signed = 16 + 18 + 20 + 1 + 8 + 10 + 60 + 20 + 20 + 18 + 60 + 20 + 8 + 16 + 12
    assert body[signed : signed + 14] == b"37099220260105"
    assert body[signed + 38 :].strip() == b""


def test_a_payment_its_repeat_its_inquiry_and_its_cancellation(caller: Caller) -> None:
    back, body = caller.ask(message("YL001", order()))
    assert (back, body[:4], body[4:104].rstrip()) == ("00000", b"0001", "交易成功".encode("gbk"))
    serial, cost, left = body[104:136], body[136:146], body[146:156]
    assert (cost, left) == (b"0000320.50", b"0000000.00")
    transaction = body[172:272]
    assert caller.ask(message("YL001", order()))[1] == body, "the same number is the same payment"
    assert caller.ask(message("YL001", order(amount="0000100.00")))[1][:4] == b"0005"
    asked = caller.ask(message("YL004", b"202611220800000001".ljust(100), number="2"))[1]
    assert asked[204:208] == b"0001"
    cancelled = PERSON.encode().ljust(32) + serial + transaction + b"0000320.50" + b"KQ01"
    for number in ("3", "4"):
        assert caller.ask(message("YL003", cancelled, number=number))[1][:4] == b"0001"
    assert caller.ask(message("YL004", b"202611220800000001".ljust(100), number="5"))[1][204:208] == b"0002"
    rows = caller.sim.ledger.since(0)["rows"]
    assert [(row["kind"], row["state"], row["account"], row["cash"]) for row in rows] == [
        ("settle", "cancelled", 32050, 87950), ("cancel", "done", -32050, -87950),
    ]  # fmt: skip
    assert caller.ask(message("YL002", PERSON.encode().ljust(36), number="6"))[1][104:114] == b"0000320.50"


@pytest.mark.parametrize(("body", "state"), [
    (order(amount="0000320.51"), b"0002"), (order(name="测试乙"), b"0003"), (order(amount="0000000.00"), b"0003"),
    (order(total="0000100.00"), b"0003"), (order(account="0000001.00"), b"0003"),
])  # fmt: skip
def test_a_payment_that_cannot_be_is_refused_and_nothing_is_charged(caller: Caller, body: bytes, state: bytes) -> None:
    back, told = caller.ask(message("YL001", body))
    assert (back, told[:4]) == ("00000", state)
    assert caller.sim.ledger.rows == []


def test_a_number_that_was_closed_before_it_came_has_no_effect(caller: Caller) -> None:
    closed = PERSON.encode().ljust(64) + b"N1".ljust(100) + b"0000320.50KQ01"
    assert caller.ask(message("YL003", closed, number="9"))[1][:4] == b"0001"
    assert caller.ask(message("YL001", order(), number="N1"))[1][:4] == b"0004"


@pytest.mark.parametrize(("data", "words"), [
    (message("YL001", order("测试甲")[:176] + b"    320.50" + order()[186:]), "左补0"),
    (message("YL001", order()[:175] + b"\xb2" + order()[176:]), "半个汉字"),
    (message("YL009", b""), "未知报文类型"),
    (message("CX001", b"A12345678".ljust(30) + b"x"), "第256字节起应为空格"),
    (b"XXXX" + message("CX001", b"A12345678")[4:], "SSSS"),
    (message("CX001", b" A12345678"), "左对齐"),
])  # fmt: skip
def test_a_message_that_breaks_the_rules_is_told_where(caller: Caller, data: bytes, words: str) -> None:
    answer, _ = caller.raw(data)
    assert (len(answer), answer[25:30]) == (4096, b"E0001")
    assert words in answer[226:3992].decode("gbk")


def test_a_hospital_nobody_knows(caller: Caller) -> None:
    assert caller.ask(message("CX001", b"A12345678", hospital="99999"))[0] == "E0002"
    assert caller.ask(message("CX001", b"A99999999"))[0] == "E0003"


@pytest.mark.parametrize(("fault", "size"), [
    ("short_reply", 4000), ("long_reply", 4196), ("half_reply", 2048), ("duplicate_reply", 8192),
])  # fmt: skip
def test_answers_of_another_length(caller: Caller, fault: str, size: int) -> None:
    caller.sim.faults.add({"op": "YL001", "fault": fault})
    answer, _ = caller.raw(message("YL001", order()))
    assert len(answer) == size
    assert len(caller.sim.ledger.rows) == 1


def test_half_a_character_at_the_end_of_a_field(caller: Caller) -> None:
    caller.sim.faults.add({"op": "CX001", "fault": "half_character"})
    answer, _ = caller.raw(message("CX001", b"A12345678"))
    with pytest.raises(UnicodeDecodeError):
        answer[226 + 34 : 226 + 54].decode("gbk")


def test_http_and_messages_share_a_port(caller: Caller) -> None:
    for method in ("GET", "POST"):
        raw, _ = caller.raw(request_bytes(method, "/sim/ledger"))
        assert read_answers(raw)[0].status == (200 if method == "GET" else 405)
    raw, _ = caller.raw(request_bytes("POST", "/", message("YL001", order())))
    assert read_answers(raw)[0].body[226:230] == b"0001"


def test_the_others_people(caller: Caller) -> None:
    sim = caller.sim
    sim.act({"act": "set_balance", "person": "P0001", "balance": 7})
    sim.act({"act": "unsign", "person": "P0001"})
    sim.act({"act": "admit", "person": "P0001"})
    _, body = caller.ask(message("CX001", b"A12345678"))
    assert "模拟综合医院".encode("gbk") in body
    for wrong in ({"act": "fly"}, {"act": "sign", "person": "X"}, {"act": "set", "charset": "BIG5"},
                  {"act": "set_balance", "person": "P0001", "balance": -1}):  # fmt: skip
        with pytest.raises(ValueError, match=r"."):
            sim.act(wrong)
    sim.act({"act": "set", "amounts": "fen"})
    assert caller.ask(message("YL002", PERSON.encode().ljust(36)))[1][104:114] == b"0000000007"
    card = sim.card("http://127.0.0.1:8713")
    assert (card["tcp"], card["frame"], card["hospital"]) == ("tcp://127.0.0.1:8713", 4096, "37001")


@pytest_twisted.ensureDeferred
async def test_a_plain_socket_in_pieces_and_two_in_a_row() -> None:
    from twisted.internet import reactor  # noqa: TID251 - a real socket for an outside client

    port = QingdaoSim(SimWorld(reactor, anchor=START)).listen(0)

    def work() -> list[Any]:
        with socket.create_connection(("127.0.0.1", port.getHost().port), timeout=10) as line:
            data = message("CX001", b"A12345678") + message("YL001", order())
            for at in range(0, len(data), 1000):
                line.sendall(data[at : at + 1000])
            told = b""
            while len(told) < 8192:
                told += line.recv(65536)
        with socket.create_connection(("127.0.0.1", port.getHost().port), timeout=10) as line:
            line.sendall(b"G")
            line.sendall(b"ET /sim/ledger HTTP/1.0\r\n\r\n")
            page = b""
            while piece := line.recv(65536):
                page += piece
        row = json.loads(page.partition(b"\r\n\r\n")[2])["rows"][0]
        return [told[20:25], told[4096 + 226 : 4096 + 230], row["account"]]

    assert await deferToThread(work) == [b"CX001", b"0001", 32050]
    await port.stopListening()
