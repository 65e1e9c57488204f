"""A refund that ends ABNORMAL at WeChat, among the simulators: the desk sends it to another card or to the hospital's
account, the refund's own leg hears of its end, the settlement is undone, and the books agree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.store.lists import list_legs
from tests.edge.town import CODE, Town
from tests.rig.agreement import compared

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "wechat_desk"
ADDRESS = "/v1/wechat/abnormal-refunds"
CARD = {"bank": "ICBC_DEBIT", "bank_card": "6222020000000000001", "real_name": "测试甲"}


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path, more={
        f"{folder.name}/{path.name}": path.read_bytes()
        for folder in EXAMPLE.iterdir() if folder.is_dir()
        for path in folder.iterdir() if not path.name.endswith(".test.yaml")
    })  # fmt: skip
    yield made
    made.end()


def _abnormal(town: Town) -> tuple[str, Any]:
    """A settlement whose refund came back ABNORMAL, and that refund at the platform."""
    no = town.quoted(client="C01")
    town.choose(no, CODE, client="C01")
    assert town.rest(no, client="C01")["state"] == "settled"
    town.lab.fault("wechat", "refund", "refund_abnormal")
    town.ask("POST", f"/v1/settlements/{no}/refunds", {"request_no": "B1", "reason_code": "patient"}, client="C01")
    assert town.rest(no, client="C01")["state"] == "manual"
    (refund,) = town.wechat.book.refunds.values()
    assert refund.status == "ABNORMAL"
    return no, refund


def _desk(town: Town, back: Any, **more: Any) -> dict[str, Any]:
    body = {"request_no": "F1", "campus": "main", "terminal": {"kind": "desk", "id": "F01"}, "operator": "财务甲",
            "checker": "财务乙", "refund": back.no, "amount": back.amount, "to": "hospital"}  # fmt: skip
    reply = town.ask("POST", ADDRESS, body | more, client="C01")
    if reply.status == 400:
        return reply.json
    return town.rest(str(reply.json["settlement_no"]), client="C01")


def _resolved(town: Town, no: str) -> dict[str, Any]:
    """What the task asks for once the refund was sent elsewhere: the engine asks for it again, until it has ended."""
    rows = town.read(lambda conn: list_legs(conn, no))
    legs = {str(row["id"]): "again" for row in rows if row["state"] == "manual"}
    body = {"request_no": "OPS1", "by": "财务甲", "reason": "改退已受理", "legs": legs}
    town.ask("POST", f"/v1/settlements/{no}/resolve", body, client="OPS")
    return town.rest(no, client="C01")


def _books(town: Town) -> list[str]:
    found = town.do(compared(town.lab.engine, ("his", "einvoice", "wechat", "nhsa")))
    return [one.kind for one in found.differences]


@pytest.mark.parametrize("more", [{}, {"to": "user_card", "card": CARD}], ids=["hospital", "user_card"])
def test_it_is_sent_elsewhere_under_its_own_number_and_all_ends(town: Town, more: dict[str, Any]) -> None:
    no, refund = _abnormal(town)
    (task,) = [row for row in town.tasks() if row["closed_at"] is None]
    assert (task["settlement_no"], task["kind"]) == (no, "undo_refused")
    town.lab.fault("wechat", "refunded", "callback_never", times=None)  # nothing hangs on the notice
    assert _desk(town, refund, **more)["state"] == "settled"
    assert refund.status == "PROCESSING"
    assert _resolved(town, no)["state"] == "undone"
    assert (refund.status, town.kept()) == ("SUCCESS", 0)
    assert len(town.ledger("wechat", "refund")) == 1
    assert not [row for row in town.tasks() if row["closed_at"] is None]
    assert _books(town) == []


@pytest.mark.parametrize("fault", ["timeout_after_commit", "timeout_before_commit", "http_500", "html", "half_reply"])
def test_whatever_becomes_of_the_application_it_ends_definite(town: Town, fault: str) -> None:
    no, refund = _abnormal(town)
    town.lab.fault("wechat", "abnormal_refund", fault, seconds=40.0)
    end = _desk(town, refund)
    if end["state"] == "rejected":  # it never arrived: applied for once more
        assert refund.status == "ABNORMAL"
        end = _desk(town, refund, request_no="F2")
    assert end["state"] == "settled"
    assert _resolved(town, no)["state"] == "undone"
    assert (refund.status, town.kept(), _books(town)) == ("SUCCESS", 0, [])


def test_what_the_desk_may_not_do(town: Town) -> None:
    no, refund = _abnormal(town)
    assert _desk(town, refund, request_no="F2", checker="财务甲")["reason"]["code"] == "E-SAME-PERSON"
    assert _desk(town, refund, request_no="F3", amount=refund.amount - 1)["reason"]["code"] == "E-REFUND-AMOUNT"
    assert _desk(town, refund, request_no="F4", to="user_card")["reason"]["code"] == "E-CARD-MISSING"
    for wrong in ({"refund": "X1"}, {"to": "cash"}, {"amount": "1"}, {"card": {**CARD, "bank_card": "no"}}):
        assert "field" in _desk(town, refund, request_no="F5", **wrong)
    assert _desk(town, refund, request_no="F6", refund="S1R1")["state"] == "rejected"
    assert refund.status == "ABNORMAL"
    assert _desk(town, refund, request_no="F7")["state"] == "settled"
    again = town.ask("POST", ADDRESS, {
        "request_no": "F8", "campus": "main", "terminal": {"kind": "desk", "id": "F01"}, "operator": "财务甲",
        "checker": "财务乙", "refund": refund.no, "amount": refund.amount, "to": "hospital",
    }, client="C01")  # fmt: skip
    assert (again.status, again.code) == (409, "E-SETTLED")
    assert town.show(no, client="C01").state in ("manual", "working", "undone")


def test_a_persons_card_is_never_shown(town: Town) -> None:
    _, refund = _abnormal(town)
    assert _desk(town, refund, to="user_card", card=CARD)["state"] == "settled"
    (sent,) = [row for row in town.wechat.exchanges.rows if row.op == "abnormal_refund"]
    assert CARD["bank_card"].encode() not in sent.request
    assert "测试甲".encode() not in sent.request
