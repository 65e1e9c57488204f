"""The pages of the simulators, as a browser asks for them."""

from __future__ import annotations

import json
import re
from html import unescape
from urllib.parse import urlencode

import pytest
from twisted.internet.task import Clock

from simulators.base.control import control
from simulators.base.party import SimParty
from simulators.base.wire import Req, Resp
from simulators.base.world import SimWorld
from simulators.registry import PARTIES, party_class

NOON = 1795305600.0  # 2026-11-22 08:00 in Beijing


@pytest.fixture(scope="module")
def world() -> SimWorld:
    return SimWorld(Clock(), anchor=NOON)


@pytest.fixture(params=sorted(PARTIES))
def party(request: pytest.FixtureRequest, world: SimWorld) -> SimParty:
    made = party_class(request.param)(world)
    world.parties[made.name] = made
    world.addresses[made.name] = f"http://127.0.0.1:{made.default_port}"
    return made


def get(party: SimParty, target: str, **headers: str) -> Resp:
    path, _, query = target.partition("?")
    pairs = dict(pair.split("=") for pair in query.split("&") if pair)
    return control(party, Req("GET", target, path, pairs, {"host": "127.0.0.1:1", **headers}, b""))


def press(party: SimParty, origin: str = "http://127.0.0.1:1", **form: str) -> Resp:
    headers = {"host": "127.0.0.1:1", "origin": origin}
    return control(party, Req("POST", "/sim/do", "/sim/do", {}, headers, urlencode(form).encode()))


def text(resp: Resp) -> str:
    return unescape(resp.body.decode("utf-8"))


def test_a_page_in_both_languages_names_state_faults_and_acts(party: SimParty) -> None:
    for language in ("zh", "en"):
        page = get(party, f"/sim/?lang={language}")
        assert page.status == 200
        body = text(page)
        assert f"<h1>{party.title.of(language)}</h1>" in body
        for name in party.fault_menu():
            assert f'value="{name}"' in body
        for act in party.acts_said:
            assert f"<code>{act.name}</code>" in body
        for section in party.sections():
            assert section.words.of(language) in body
        assert "None" not in body


def test_english_pages_hold_no_chinese_but_names(party: SimParty) -> None:
    body = re.sub(r"<td.*?</td>|<a [^>]*>中文</a>", "", text(get(party, "/sim/?lang=en")), flags=re.DOTALL)
    assert re.findall(r"[\u4e00-\u9fff]+", body) == []


def test_the_language_is_kept_and_guards_are_set(party: SimParty) -> None:
    first = get(party, "/sim/?lang=en")
    kept = get(party, "/sim/", cookie=first.headers["Set-Cookie"].partition(";")[0])
    assert 'lang="en"' in text(kept)
    assert "default-src 'none'" in kept.headers["Content-Security-Policy"]


def test_a_fault_is_ordered_and_taken_back_by_its_buttons(party: SimParty) -> None:
    party.start_over()
    op = next(iter(party.ops_said))
    press(party, do="fault", op=op, times="∞", bill="B1", seconds="5", fault="http_500")
    (order,) = party.faults.orders
    assert (order.op, order.fault, order.times, order.match, order.seconds) == (op, "http_500", None, {"bill": "B1"},
        5.0)
    press(party, do="unfault", id=str(order.id))
    assert party.faults.orders == []


def test_a_fault_at_an_operation_that_cannot_have_it_is_refused(party: SimParty) -> None:
    tied = [(name, one) for name, one in party.fault_menu().items() if one.ops]
    for name, one in tied:
        other = next(op for op in party.ops_said if op not in one.ops)
        press(party, do="fault", op=other, times="1", bill="", seconds="5", fault=name)
        assert party.faults.orders == []
        assert not party.notes[-1].good


def test_an_order_at_the_door_that_can_never_happen_says_so(world: SimWorld) -> None:
    """A misspelt operation was taken without a word, and the tester waited for what never came."""
    wechat = party_class("wechat")(world)
    for op, fault, doubtful in (
        ("native", "html", False), ("*", "html", False), ("nativ", "html", True), ("tradebill", "bill_none", False),
        ("native", "bill_none", True), ("callback", "callback_late", False), ("native", "callback_late", False),
    ):  # fmt: skip
        order = json.dumps({"op": op, "fault": fault}).encode()
        made = json.loads(control(wechat, Req("POST", "/sim/faults", "/sim/faults", {}, {}, order)).body)
        assert ("warning" in made) is doubtful, (op, fault, made)


def test_buttons_of_other_pages_do_nothing(party: SimParty) -> None:
    reply = press(party, origin="http://elsewhere.example", do="fault", op="*", times="1", fault="http_500")
    assert reply.status == 403
    assert party.faults.orders == []


def test_the_clock_moves_for_all_parties_of_the_process(party: SimParty) -> None:
    before = party.world.now()
    reply = press(party, do="clock", seconds="3600", back="/sim/all")
    assert (reply.status, reply.headers["Location"]) == (303, "/sim/all")
    assert party.world.now() == before + 3600
    press(party, do="clock", seconds="-5")
    assert not party.notes[-1].good


def test_an_act_that_cannot_be_says_why(party: SimParty) -> None:
    press(party, do="act", act="dance")
    assert not party.notes[-1].good
    assert party.notes[-1].what in text(get(party, "/sim/?lang=zh")) or party.notes[-1].what in text(get(party,
        "/sim/"))


def test_acts_of_a_row_are_played_with_typed_fields() -> None:
    world = SimWorld(Clock(), anchor=NOON)
    his = party_class("his")(world)
    press(his, do="act", act="new_bill", patient="P0008", template="visit2", bill="BPAGE1")
    assert his.notes[-1].good
    assert "BPAGE1" in text(get(his, "/sim/"))
    press(his, do="act", act="collect_at_window", bill="BPAGE1")
    assert [row.bill for row in his.ledger.rows if row.kind == "charge"] == ["BPAGE1"]
    wechat = party_class("wechat")(world)
    press(wechat, do="act", act="set_balance", amount="12345")
    assert wechat.act({"act": "withdraw", "retain": 0})["withdrawn"] == 12345
    press(wechat, do="act", act="set", name="codepay", value="true")
    assert wechat.card("http://x")["settings"]["codepay"] is True


class _Line:
    """A connection that keeps what was written."""

    def __init__(self) -> None:
        self.sent = b""

    def reply_bytes(self, resp: Resp) -> tuple[bytes, bytes]:
        return resp.head({}), resp.body

    def send(self, content: bytes, *, and_close: bool = False) -> bool:
        self.sent += content
        return True

    def drop(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


BROKEN = {
    "wechat": ("/v3/pay/transactions/native", {"accept": "*/*", "user-agent": "x"}, b"{}", "Authorization"),
    "alipay": ("/gateway.do?method=alipay.trade.query", {}, b"", "app_id"),
    "unionpay": ("/gateway/api/queryTrans.do", {}, b"txnType=00&txnSubType=00&version=5.1.0", "encoding"),
    "insurance": ("/fsi/api/hsa-fsi-1101", {}, b'{"infno":"1101"}', "HTTP headers"),
    "his": ("/gateway/lock.bill", {"x-app-id": "nobody"}, b"{}", "X-App-Id"),
    "einvoice": ("/medical-web/api/medical/writeOffEBill", {}, b"{}", "appid"),
    "municipal": ("/services/InsuranceService", {}, b"<a/>", "Envelope"),
    "subscribers": ("/emr/messages", {"x-signature": "0"}, b"{}", "X-Signature"),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_broken_request_is_told_by_rule_field_and_form(name: str) -> None:
    party = party_class(name)(SimWorld(Clock(), anchor=NOON))
    path, headers, body, field = BROKEN[name]
    line = _Line()
    head = f"POST {path} HTTP/1.1\r\n\r\n".encode()
    party.handle(Req("POST", path, path.partition("?")[0], {}, headers, body, "t:1", head), line)
    (row,) = party.exchanges.rows
    assert row.objection is not None
    assert row.objection.field == field
    assert row.objection.said
    told = party.exchanges.since(0)["exchanges"][0]["objection"]
    assert told["rule"] == row.objection.rule
    page = text(get(party, f"/sim/exchange?seq={row.seq}&lang=en"))
    assert "What the real platform would have said" in page
    assert f"<code>{field}</code>" in page


@pytest.mark.parametrize("name", sorted(PARTIES.keys() - {"subscribers"}))  # those take what comes, at any path
def test_a_wrong_address_is_a_broken_rule_too(name: str, world: SimWorld) -> None:
    """A client at a mistyped path saw a plain "answered"."""
    made, line = party_class(name)(world), _Line()
    made.handle(Req("POST", "/no/such/door", "/no/such/door", {}, {}, b"{}", "t:1", b""), line)
    broken = made.exchanges.rows[-1].objection
    assert broken is not None
    assert broken.said


def test_an_exchange_shows_what_is_wrapped_inside() -> None:
    party = party_class("einvoice")(SimWorld(Clock(), anchor=NOON))
    body = b'{"data": "eyJyZXN1bHQiOiAiUzAwMDAiLCAibWVzc2FnZSI6ICI1WVdJN1lTUzZZQ2EifQ==", "noise": "1"}'
    party.exchanges.end(party.exchanges.begin("x", "t", b"POST /a HTTP/1.1\r\n\r\n" + body), b"", "answered")
    page = text(get(party, "/sim/exchange?seq=1"))
    assert "S0000" in page
    assert get(party, "/sim/exchange?seq=2").status == 404
