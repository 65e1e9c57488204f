"""The payment platform signs with a certificate nobody has laid in place yet."""

from __future__ import annotations

from collections.abc import Callable

from tests.edge.test_callbacks import _paid, _settled_once
from tests.edge.town import CASH, Town

MINUTE = 60.0


def _asked_for_keys(town: Town) -> int:
    return [exchange.op for exchange in town.lab.parties["wechat"].exchanges.rows].count("certificates")


def test_a_rotation_nobody_prepared_is_not_noticed_by_the_patient(town: Town) -> None:
    town.lab.act("wechat", "rotate_key")
    no = town.paying()
    town.lab.act("wechat", "pay", no=f"{no}P1")
    _settled_once(town, no)
    assert _asked_for_keys(town) == 1, "fetched once"
    assert [exchange.op for exchange in town.wechat.exchanges.rows].count("native") == 1, "nothing is sent twice"


def test_a_callback_by_a_new_certificate_fetches_it(town: Town) -> None:
    no = town.paying()
    number = _paid(town, no)
    town.lab.act("wechat", "rotate_key")
    new = town.wechat.identity.certificates[-1]
    assert town.callback(town.notice(town.plain(number), signer=new)).status == 200
    _settled_once(town, no)


def test_invented_serials_do_not_make_us_ask_more_than_once_a_minute(town: Town) -> None:
    no = town.paying()
    number = _paid(town, no)
    notice = town.notice(town.plain(number))
    for i in range(20):
        reply = town.callback(notice.with_("Wechatpay-Serial", f"{i + 10:040X}"))
        assert reply.status == 401
    assert _asked_for_keys(town) == 1
    assert not town.tasks(), "anybody may post: no person is troubled"
    town.pass_time(2 * MINUTE)
    town.callback(notice.with_("Wechatpay-Serial", "F" * 40))
    assert _asked_for_keys(town) == 2
    _settled_once(town, no)


def test_where_it_cannot_be_fetched_a_person_is_told_once_and_the_answer_says_why(town: Town) -> None:
    town.lab.act("wechat", "rotate_key")
    town.lab.fault("wechat", "certificates", "http_500", times=100)
    no = town.quoted()
    town.choose(no, {"choice_no": "1", "kind": "wechat_qr"})
    town.pass_time(5 * MINUTE)
    serial = town.wechat.identity.certificates[-1].serial.lstrip("0")
    assert [(task["kind"], task["side"]) for task in town.tasks("key_missing")] == [("key_missing", "wechat")]
    page = town.ask("GET", "/metrics", headers=[]).body.decode()
    assert 'engine_tasks_total{kind="key_missing"} 1.0' in page
    assert 'engine_key_missing_total{party="wechat"}' in page
    town.lab.act("wechat", "pay", no=f"{no}P1") if town.wechat.book.orders[f"{no}P1"].state == "NOTPAY" else None
    town.wechat.faults.clear()
    town.pass_time(2 * MINUTE)
    answer = town.rest(no)
    assert answer["state"] in ("settled", "undone"), answer
    assert town.kept() == (CASH if answer["state"] == "settled" else 0)
    from engine.store.calls import calls_of

    words = {call.text for call in town.read(lambda conn: calls_of(conn, no))}
    assert f"signature by unknown serial {serial}" in words


def test_a_public_key_is_never_asked_for_but_told(new_town: Callable[..., Town]) -> None:
    """Only the portal shows a public key: asking would be in vain."""
    row = "      file:var/sim/wechat/public_key_id:   file:var/sim/wechat/public_key\n"
    town = new_town(edit=((row, ""),))
    town.lab.act("wechat", "set", verify="pubkey")
    no = town.quoted()
    town.choose(no, {"choice_no": "1", "kind": "wechat_qr"})
    town.pass_time(MINUTE)
    assert _asked_for_keys(town) == 0
    assert len(town.tasks("key_missing")) == 1
    town.lab.act("wechat", "set", verify="cert")
    town.rest(no)
