"""What the payment platform tells by itself: believed only when signed, kept before it is thanked, needed by nobody.

Judged by the engine's reply, the inbox, the tasks, and what the platform and the HIS kept.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from simulators.alipay.book import Terms
from tests.edge.town import CASH, PROBE, QR, Notice, Town, refund_plain

SUCCESS = {"code": "SUCCESS"}


def _paid(town: Town, no: str) -> str:
    """The patient pays the QR code; the number of the order. The platform's own callback is withheld."""
    town.lab.act("wechat", "pay", no=f"{no}P1")
    return f"{no}P1"


def _heard(town: Town) -> int:
    return len(town.select("SELECT id FROM inbox WHERE source = 'wechat'"))


def _settled_once(town: Town, no: str) -> None:
    assert town.rest(no)["state"] == "settled"
    assert town.kept() == CASH
    assert len(town.ledger("his", "book")) == 1
    assert not town.tasks()


def test_twice(town: Town) -> None:
    no = town.paying()
    notice = town.notice(town.plain(_paid(town, no)))
    for _ in range(2):
        reply = town.callback(notice)
        assert (reply.status, reply.json) == (200, SUCCESS)
    _settled_once(town, no)
    reply = town.callback(notice)
    assert (reply.status, reply.json) == (200, SUCCESS), "long after, the same"
    _settled_once(town, no)
    assert _heard(town) == 3


def test_ten_in_parallel(town: Town) -> None:
    no = town.paying()
    notice = town.notice(town.plain(_paid(town, no)))
    posted = [town.post(notice) for _ in range(10)]
    assert {(one.reply().status, one.reply().body) for one in posted} == {(200, b'{"code":"SUCCESS"}')}
    _settled_once(town, no)
    assert _heard(town) == 10


def test_before_the_reply_of_the_order(town: Town) -> None:
    town.lab.fault("wechat", "native", "callback_before_reply")
    no = town.quoted()
    town.choose(no, QR)
    _settled_once(town, no)


def test_a_settlement_settles_at_the_callback_not_at_the_next_inquiry(town: Town) -> None:
    no = town.paying()
    town.pass_time(20.0)  # between two inquiries
    notice = town.notice(town.plain(_paid(town, no)))
    asked = len([e for e in town.wechat.exchanges.rows if e.op == "query"])
    town.callback(notice)
    town.sim.run(lambda: bool(town.ledger("his", "book")), 5.0)
    assert len(town.ledger("his", "book")) == 1
    assert len([e for e in town.wechat.exchanges.rows if e.op == "query"]) == asked


def test_after_close_the_money_returns_and_a_person_is_told(town: Town) -> None:
    no = town.paying()
    town.ask("POST", f"/v1/settlements/{no}/cancel", {"request_no": "c1", "reason_code": "PATIENT"})
    assert town.rest(no)["state"] == "undone"
    town.lab.act("wechat", "pay_after_close", no=f"{no}P1")
    assert town.kept() == CASH
    reply = town.callback(town.notice(town.plain(f"{no}P1")))
    assert (reply.status, reply.json) == (200, SUCCESS)
    town.pass_time(600.0)
    assert town.kept() == 0
    assert [task["kind"] for task in town.tasks()] == ["late_payment"]
    assert town.show(no).state == "undone"
    assert not town.ledger("his", "book")
    town.callback(town.notice(town.plain(f"{no}P1")))  # once more: nothing more returns
    town.pass_time(600.0)
    assert len(town.ledger("wechat", "refund")) == 1


def test_a_payment_known_as_no_while_another_way_settles(town: Town) -> None:
    """The patient leaves the QR code for a payment code; then the QR code is paid after all."""
    no = town.paying()
    town.choose(no, {"choice_no": "2", "kind": "wechat_code", "auth_code": "134000000000000001"})
    assert town.rest(no)["state"] == "settled"
    town.lab.act("wechat", "pay_after_close", no=f"{no}P1")
    assert town.kept() == 2 * CASH
    assert town.callback(town.notice(town.plain(f"{no}P1"))).status == 200
    town.pass_time(600.0)
    assert town.kept() == CASH, "the late payment was given back"
    assert [task["kind"] for task in town.tasks()] == ["late_payment"]
    assert town.show(no).state == "settled"
    assert len(town.ledger("his", "book")) == 1


def test_never(town: Town) -> None:
    no = town.paying()
    _paid(town, no)
    _settled_once(town, no)
    assert _heard(town) == 0


def _not_believed(town: Town, notice: Notice, status: int) -> None:
    no_before, tasks = _heard(town), len(town.tasks())
    reply = town.callback(notice)
    assert reply.status == status, reply.body
    assert reply.json["code"] == "FAIL"
    assert _heard(town) == no_before
    assert len(town.tasks()) == tasks


def _spoil_signature(notice: Notice) -> Notice:
    mark = notice.header("Wechatpay-Signature")
    return notice.with_("Wechatpay-Signature", ("B" if mark[0] == "A" else "A") + mark[1:])


def _reserialised(notice: Notice) -> Notice:
    return Notice(json.dumps(json.loads(notice.body), ensure_ascii=True, indent=1).encode(), notice.headers)


def _twice(name: str, value: str = "") -> Callable[[Notice], Notice]:
    return lambda notice: Notice(notice.body, [*notice.headers, (name, value or notice.header(name))])


SPOILED: dict[str, Callable[[Notice], Notice]] = {
    "bad signature": _spoil_signature,
    "no signature": lambda n: n.without("Wechatpay-Signature"),
    "empty signature": lambda n: n.with_("Wechatpay-Signature", ""),
    "not base64": lambda n: n.with_("Wechatpay-Signature", "§§§".encode().decode("latin-1")),
    "no timestamp": lambda n: n.without("Wechatpay-Timestamp"),
    "other timestamp": lambda n: n.with_("Wechatpay-Timestamp", str(int(n.header("Wechatpay-Timestamp")) + 1)),
    "timestamp in full width": lambda n: n.with_("Wechatpay-Timestamp", "１７９０".encode().decode("latin-1")),
    "timestamp negative": lambda n: n.with_("Wechatpay-Timestamp", "-1"),
    "timestamp of a thousand digits": lambda n: n.with_("Wechatpay-Timestamp", "9" * 1000),
    "no nonce": lambda n: n.without("Wechatpay-Nonce"),
    "no serial": lambda n: n.without("Wechatpay-Serial"),
    "unknown serial": lambda n: n.with_("Wechatpay-Serial", "0" * 36 + "DEAD"),
    "other scheme": lambda n: n.with_("Wechatpay-Signature-Type", "WECHATPAY2-SM2-WITH-SM3"),
    "signature twice": _twice("Wechatpay-Signature"),
    "signature twice, one wrong": _twice("Wechatpay-Signature", "AAAA"),
    "signature twice in other case": _twice("wechatpay-signature"),
    "serial twice": _twice("Wechatpay-Serial"),
    "timestamp twice": _twice("Wechatpay-Timestamp"),
    "nonce twice": _twice("Wechatpay-Nonce"),
    "re-serialised": _reserialised,
    "one byte more": lambda n: Notice(n.body + b" ", n.headers),
    "no body": lambda n: Notice(b"", n.headers),
    "gzip body": lambda n: Notice(gzip.compress(n.body), [*n.headers, ("Content-Encoding", "gzip")]),
}


def test_what_is_not_well_signed_changes_nothing(town: Town) -> None:
    no = town.paying()
    number = _unpaid(town, no)
    for how, spoil in SPOILED.items():
        try:
            _not_believed(town, spoil(town.notice(town.plain(number))), 401)
        except AssertionError as wrong:
            raise AssertionError(f"{how}: {wrong}") from wrong
    assert len(town.logged("warning", "callback_refused")) == len(SPOILED)
    assert town.show(no).state == "paying"
    assert not town.ledger("his", "book")


def _unpaid(town: Town, no: str) -> str:
    """The order's number; the platform knows it is not paid."""
    return f"{no}P1"


@pytest.mark.parametrize(("age", "status"), [(299, 200), (301, 401), (-299, 200), (-301, 401), (3600, 401)])
def test_five_minutes_either_way(town: Town, age: int, status: int) -> None:
    no = town.paying()
    reply = town.callback(town.notice(town.plain(_paid(town, no)), age=age))
    assert reply.status == status
    assert _heard(town) == (status == 200)
    _settled_once(town, no)


def test_the_signature_probe_is_refused_without_alarm(town: Town) -> None:
    no = town.paying()
    before = len(town.logged("warning")) + len(town.logged("error"))
    notice = town.notice(town.plain(f"{no}P1"))
    _not_believed(town, notice.with_("Wechatpay-Signature", PROBE + notice.header("Wechatpay-Signature")), 401)
    town.lab.act("wechat", "send_probe", no=f"{no}P1")
    town.pass_time(5.0)
    assert len(town.logged("warning")) + len(town.logged("error")) == before
    assert len(town.logged("info", "callback_refused")) == 2
    assert town.show(no).state == "paying"


def _sealed_wrong(town: Town, number: str, **resource: Any) -> Notice:
    body = json.loads(town.notice(town.plain(number)).body)
    body["resource"].update(resource)
    return town.resigned(Notice(json.dumps(body).encode()))


def test_signed_but_not_for_us(town: Town) -> None:
    """Another merchant, another app, a resource that does not open: refused, nothing changed."""
    no = town.paying()
    number = f"{no}P1"
    wrong: dict[str, tuple[Notice, int]] = {
        "other merchant": (town.notice(town.plain(number, mchid="1600000002")), 403),
        "no merchant": (town.notice({k: v for k, v in town.plain(number).items() if k != "mchid"}), 403),
        "merchant as a number": (town.notice(town.plain(number, mchid=1600000001)), 403),
        "other app": (town.notice(town.plain(number, appid="wxother0000000001")), 403),
        "associated data": (_sealed_wrong(town, number, associated_data="refund"), 400),
        "nonce": (_sealed_wrong(town, number, nonce="000000000000"), 400),
        "nonce of a megabyte": (_sealed_wrong(town, number, nonce="0" * 900_000), 400),
        "nonce empty": (_sealed_wrong(town, number, nonce=""), 400),
        "ciphertext": (_sealed_wrong(town, number, ciphertext="AAAA" * 12), 400),
        "ciphertext a list": (_sealed_wrong(town, number, ciphertext=[1]), 400),
        "algorithm": (_sealed_wrong(town, number, algorithm="AEAD_SM4_GCM"), 400),
        "no JSON inside": (town.notice(b"\xff\xfe"), 400),
        "a list inside": (town.notice(b"[]"), 400),
        "amount given twice": (town.notice(b'{"mchid":"1600000001","mchid":"1600000001"}'), 400),
        "not JSON": (town.resigned(Notice(b"<xml/>")), 400),
        "no resource": (town.resigned(Notice(b'{"event_type":"TRANSACTION.SUCCESS"}')), 400),
        "deep": (town.resigned(Notice(b"[" * 100_000)), 400),
    }
    for how, (notice, status) in wrong.items():
        try:
            _not_believed(town, notice, status)
        except AssertionError as why:
            raise AssertionError(f"{how}: {why}") from why
    assert town.show(no).state == "paying"
    assert town.ledger("wechat", "charge") == []


@pytest.mark.parametrize("amount", [CASH + 1, CASH - 1, 0, 1, CASH * 100])
def test_another_amount_is_a_persons_case_and_nothing_moves(town: Town, amount: int) -> None:
    no = town.paying()
    _paid(town, no)
    reply = town.callback(town.notice(town.plain(f"{no}P1", amount=amount)))
    assert (reply.status, reply.json) == (200, SUCCESS)
    town.pass_time(900.0)
    assert town.show(no).state == "manual"
    assert [task["kind"] for task in town.tasks()] == ["differs"]
    assert town.kept() == CASH, "nothing was given back by itself"
    assert not town.ledger("his", "book")
    assert not town.ledger("insurance", "settle")


@pytest.mark.parametrize(
    "total",
    ["107500", "１０７５００", "1e5", -107500, 1075.00, "12.345", None, True, [107500], {"total": 107500}, 10**29],
)
def test_an_amount_in_another_spelling_is_never_taken_for_ours(town: Town, total: Any) -> None:
    """Signed by the platform, yet crooked: thanked and kept, shown to a person, and believed of nobody."""
    no = town.paying()
    plain = town.plain(f"{no}P1")
    plain["amount"]["total"] = total
    reply = town.callback(town.notice(plain))
    assert reply.status == 200, reply.body
    assert _heard(town) == 1
    assert len(town.tasks()) == 1
    town.pass_time(2.0)
    assert town.show(no).state in ("paying", "manual")
    assert not town.ledger("his", "book")
    assert town.ledger("wechat", "charge") == []


@pytest.mark.parametrize("missing", ["amount", "trade_state", "out_trade_no"])
def test_a_notice_with_something_missing_is_kept_and_shown(town: Town, missing: str) -> None:
    no = town.paying()
    plain = {k: v for k, v in town.plain(f"{no}P1").items() if k != missing}
    assert town.callback(town.notice(plain)).status == 200
    assert _heard(town) == 1
    town.pass_time(2.0)
    assert town.show(no).state == "paying"
    assert not town.ledger("his", "book")
    _paid(town, no)
    assert town.rest(no)["state"] == "settled", "and the engine finds out by itself"


def test_an_unknown_number_is_kept_thanked_and_shown(town: Town) -> None:
    reply = town.callback(town.notice(town.plain("S20260101000000999999P1")))
    assert (reply.status, reply.json) == (200, SUCCESS)
    assert _heard(town) == 1
    assert [(task["kind"], task["closed_at"]) for task in town.tasks()] == [("callback_unknown", None)]
    bodies = town.select("SELECT body_id FROM inbox WHERE source = 'wechat' AND body_id IS NOT NULL")
    assert len(bodies) == 1


def test_an_unknown_number_many_times_is_one_task(town: Town) -> None:
    """The platform repeats, and so may a joker who got hold of one notice: a person is told once."""
    notice = town.notice(town.plain("S20260101000000999999P1"))
    for _ in range(5):
        assert town.callback(notice).status == 200
    assert len(town.tasks("callback_unknown")) == 1


def test_the_number_of_another_settlement_moves_only_that_one(town: Town) -> None:
    one = town.paying()
    town.lab.act("his", "new_bill", patient="P0006", bill="B9", template="small")
    other = town.paying("P0006", "B9")
    amount = town.show(other).json["amounts"]["cash"]
    assert town.callback(town.notice(town.plain(f"{one}P1", amount=amount))).status == 200
    town.pass_time(2.0)
    assert town.show(one).state == ("manual" if amount != CASH else "settled")
    assert town.show(other).state == "paying"
    assert len(town.ledger("his", "book")) == (amount == CASH)


def test_a_platform_that_speaks_of_another_platforms_number_is_not_believed(town: Town) -> None:
    """Well signed by Alipay, about an order at WeChat: not paid, whatever Alipay took under its number."""
    no = town.paying()
    alipay = town.lab.parties["alipay"]
    address = f"http://{town.lab.engine_host}:{town.lab.engine_port}/callback/alipay"
    alipay.book.place(f"{no}P1", Terms("qr", CASH, "x", notify_url=address))
    town.lab.act("alipay", "pay", no=f"{no}P1")
    town.pass_time(5.0)
    assert [row.outcome for row in alipay.exchanges.rows if row.direction == "out"] == ["answered"]
    assert town.show(no).state == "paying"
    assert not town.ledger("his", "book")
    assert [task["kind"] for task in town.tasks()] == ["callback_unknown"]
    _paid(town, no)
    assert town.rest(no)["state"] == "settled", "when WeChat's own money is there"


def test_a_refund_notice_of_another_amount(town: Town) -> None:
    window = town.quoted(client="C01")
    town.choose(window, client="C01")
    assert town.show(window, client="C01").state == "settled"
    town.ask(
        "POST", f"/v1/settlements/{window}/refunds", {"request_no": "r1", "lines": [], "reason_code": "X"}, client="C01"
    )
    town.rest(window, client="C01")
    (refund,) = town.ledger("wechat", "refund")
    plain = refund_plain(town, f"{window}P1", refund["no"], CASH - 1)
    notice = town.notice(plain, event="REFUND.SUCCESS", associated="refund")
    assert town.callback(notice).status == 200
    town.pass_time(60.0)
    assert town.kept() == 0
    assert [task["kind"] for task in town.tasks()] == ["differs"]


def test_a_failure_after_success_changes_nothing(town: Town) -> None:
    no = town.paying()
    town.callback(town.notice(town.plain(_paid(town, no))))
    _settled_once(town, no)
    late = town.notice(town.plain(f"{no}P1", trade_state="NOTPAY"))
    assert town.callback(late).status == 200
    town.pass_time(60.0)
    _settled_once(town, no)


def test_an_order_not_paid_yet_that_is_told_before_its_answer_has_come_troubles_nobody(town: Town) -> None:
    town.lab.fault("wechat", "native", "timeout_after_commit")
    no = town.quoted()
    town.begin("POST", f"/v1/settlements/{no}/pay", QR)
    town.pass_time(1.0)
    assert town.callback(town.notice(town.plain(f"{no}P1", trade_state="NOTPAY"))).status == 200
    town.pass_time(60.0)
    assert not town.tasks()
    town.callback(town.notice(town.plain(_paid(town, no))))
    _settled_once(town, no)


def test_while_the_engine_is_restarting_nothing_depends_on_it(town: Town) -> None:
    no = town.quoted()
    town.choose(no, QR)  # callbacks are on: the platform will knock at a closed door
    town.kill()
    town.lab.act("wechat", "pay", no=f"{no}P1")
    town.pass_time(10.0)
    assert town.wechat.courier.delivered == 0
    town.rise()
    _settled_once(town, no)
    town.pass_time(120.0)
    assert town.wechat.courier.delivered == 1, "the platform's repeat is thanked"
    _settled_once(town, no)


def test_the_success_reply_leaves_only_after_the_row_is_stored(town: Town) -> None:
    """The store is slow: no success before its answer. Then the engine is killed: the row is there."""
    no = town.paying()
    number = _paid(town, no)
    assert town.lab.engine
    held: list[Callable[[], None]] = []
    town.lab.engine.store.deliver = held.append  # type: ignore[attr-defined]  # the laboratory's own store
    posted = town.post(town.notice(town.plain(number)))
    while not _has(town, "callback", held):
        town.sim.step()
    town.pass_time(0.5)
    assert not posted.answered, "thanked before it was stored"
    town.lab.engine.store.deliver = lambda fire: fire()  # type: ignore[attr-defined]  # the laboratory's own store
    for fire in held:
        fire()
    assert posted.reply().status == 200
    town.kill()
    town.rise()
    assert _heard(town) == 1
    _settled_once(town, no)


def _has(town: Town, unit: str, held: list[Callable[[], None]]) -> bool:
    """Whether the callback's row is in the database file by now (the answer to the engine is held back)."""
    import sqlite3

    for fire in list(held):
        if _is_read(fire):
            held.remove(fire)
            fire()
    with sqlite3.connect(f"file:{town.folder / 'engine.db'}?mode=ro", uri=True) as look:
        return bool(look.execute("SELECT count(*) FROM inbox WHERE source = 'wechat'").fetchone()[0])


def _is_read(fire: Callable[[], None]) -> bool:
    return "readers" in getattr(fire, "__module__", "") or "readers" in repr(fire)


def test_get_and_other_addresses_are_no_callbacks(town: Town) -> None:
    assert town.ask("GET", "/callback/wechat", headers=[]).status in (404, 405)
    assert town.ask("POST", "/callback/wechat/", b"{}", headers=[]).status in (404, 405)
    assert town.ask("POST", "/callback/nobody", b"{}", headers=[]).status in (404, 405)
    assert _heard(town) == 0
