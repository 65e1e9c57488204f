"""The finance office closes the day at the console: everybody's books compared inside the running engine."""

from __future__ import annotations

import re
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from engine.console import comparing

from .office import Office, hold, paid_twice, words

WORDS = {
    "zh": ("应收 1075.00 元，渠道净收 2150.00 元，患者多付", "财务在商户平台退回较晚的一笔", "核对笔数", "下载 Excel"),
    "en": ("1075.00 yuan were due, the channel keeps 2150.00", "Finance gives the later payment back", "Compared",
           "Excel"),
}


def test_a_day_that_agrees(office: Office) -> None:
    office.do(lambda: office.settle("B20261122001"))
    page = office.result(office.compare())
    assert "各方一致，没有差异。" in page
    assert "核对笔数 1 其中进行中 0 款项跨日 0 差异 0 取不到的账 0" in page
    assert "本机 于" in page
    assert "All agree: no difference." in office.page(language="en")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_difference_with_what_to_do_about_it(office: Office, language: str) -> None:
    no = paid_twice(office)
    begun = office.compare()
    page = office.result(begun, language)
    for word in (*WORDS[language], no, "B20261122001", "1,075.00", "2,150.00", "paid_twice"):
        assert word in page, word
    assert "All agree" not in page
    assert "各方一致" not in page
    assert f'href="/console/settlements/{no}"' in office.ask("GET", begun.header("Location")).body.decode()


def test_the_workbook_is_that_of_the_command_line(office: Office) -> None:
    no = paid_twice(office)
    begun = office.compare()
    office.result(begun)
    differences, _, filed = office.workbook(begun)
    row = [differences[f"{column}2"] for column in "ABDEFH"]
    assert row == [no, "B20261122001", "1075.00", "2150.00", "1075.00", "paid_twice"]
    assert (filed["A4"], filed["B4"]) == ("核对笔数 · checked", "1")
    assert (filed["A3"], filed["B3"]) == ("结算单日期 · settlements of", office.today())


def test_the_platforms_bills_of_yesterday(office: Office) -> None:
    office.until(12.0, days=1)
    answer = office.do(lambda: office.paid_by("wechat", "B20261122001"))
    assert answer["state"] == "settled"
    office.until(11.0, days=1)
    page = office.result(office.compare(office.today(1), by="bills"))
    assert "平台账单" in page
    assert "各方一致，没有差异。" in page
    assert "资金账户" in page
    assert "1,200.00" in page, "what the account took"


def test_only_the_days_that_were_asked_for(office: Office) -> None:
    office.until(12.0, days=1)
    paid_twice(office)
    office.until(11.0, days=1)
    office.do(lambda: office.settle("B20261122002"))
    both = office.result(office.compare(office.today(1), office.today()))
    assert "核对笔数 2" in both
    assert "差异 1" in both
    today = office.result(office.compare(office.today()))
    assert "核对笔数 1 其中进行中 0 款项跨日 0 差异 0" in today
    first = office.result(office.compare(office.today(1)))
    assert "核对笔数 1 其中进行中 0 款项跨日 0 差异 1" in first
    nothing = office.result(office.compare(office.today(3)))
    assert "这几天没有结算，各方账上也没有多出的。" in nothing


def test_a_book_that_cannot_be_had_is_no_agreement(office: Office) -> None:
    office.do(lambda: office.settle("B20261122001"))
    office.lab.ports["einvoice"].stopListening()
    begun = office.compare()
    page = office.result(begun)
    assert "下列各方的账取不到，本次核对不完整 电子票据 einvoice" in page
    assert "不能算核对通过" in page
    assert "请对方导出表格" in page
    assert "各方一致" not in page
    assert "账不齐" in page
    english = office.page(begun.header("Location"), "en")
    assert "the comparison is incomplete" in english
    assert "All agree" not in english
    office.lab.ports["einvoice"] = office.lab.parties["einvoice"].listen(0)


def test_a_missing_key_is_said_of_its_party(office: Office) -> None:
    office.until(11.0, days=1)
    for path in (office.lab.folder / "var" / "sim" / "wechat").rglob("*"):
        if path.is_file():
            path.unlink()
    page = office.result(office.compare(office.today(1), by="bills"))
    assert "下列各方的账取不到，本次核对不完整 微信支付 wechat" in page
    assert "各方一致" not in page


@pytest.mark.parametrize(
    ("first", "last", "by", "zh", "en"),
    [
        ("2026-13-01", "", "ledgers", "日期格式应为", "A day is written"),
        ("", "x", "ledgers", "日期格式应为", "A day is written"),
        ("0", "-1", "ledgers", "“从”不能晚于“到”", "The first day is after the last"),
        ("0", "1", "ledgers", "还没有到那一天", "has not come yet"),
        ("0", "0", "bills", "今天的账单明天才有", "comes tomorrow"),
        ("-40", "0", "ledgers", "天数太多", "Too many days"),
        ("-100", "-99", "bills", "只保存三个月", "three months"),
    ],
)
def test_days_that_cannot_be_compared(office: Office, first: str, last: str, by: str, zh: str, en: str) -> None:
    def day(text: str) -> str:
        return office.today(-int(text)) if re.fullmatch(r"-?\d{1,3}", text) else text

    asked = {"first": day(first) or office.today(), "last": day(last), "by": by}
    for language, said in (("zh", zh), ("en", en)):
        reply = office.ask("POST", f"/console/books?lang={language}", asked)
        assert reply.status == 400
        assert said in words(reply)
    assert asked["first"] in office.ask("POST", "/console/books", asked).body.decode(), "what was written stays"
    assert "最近的核对" not in office.page(), "nothing was begun"


def test_one_at_a_time(office: Office) -> None:
    held = hold(office)
    first = office.compare()
    assert first.status == 303
    assert "正在核对" in office.page(first.header("Location"))
    second = office.compare()
    assert second.status == 409
    assert "已有一次核对在进行" in words(second)
    held()
    assert "这几天没有结算" in office.result(first)
    assert office.compare().status == 303


def test_an_engine_that_stops_meanwhile(office: Office) -> None:
    """What is under way ends with it, quietly; no other is begun; after the restart it can be asked for again."""
    hold(office)
    begun = office.compare()
    where = begun.header("Location")
    engine = office.lab.engine
    assert engine is not None
    del engine.store.read  # type: ignore[attr-defined]
    stopping: list[Any] = []
    Deferred.fromCoroutine(engine.stop()).addBoth(stopping.append)
    assert "引擎停止，核对没有做完" in office.page(where)
    assert office.compare().status == 503
    assert office.sim.run(lambda: bool(stopping), 60.0)
    assert stopping == [None]
    log = office.lab.log.getvalue()
    assert "console_books_failed" not in log
    office.do(office.lab.start_engine)
    assert "这次核对的结果已不再保留" in office.page(where)
    assert "这几天没有结算" in office.result(office.compare())


def silence(office: Office, party: str) -> Any:
    """In the party's place somebody takes connections and says nothing."""
    there = office.lab.ports[party].getHost()
    office.lab.ports[party].stopListening()
    mute = office.lab.reactor.listenTCP(there.port, Factory.forProtocol(Protocol), interface=there.host)
    office.lab.ports[party] = mute


def test_a_party_that_never_answers_is_given_up(office: Office) -> None:
    silence(office, "einvoice")
    begun = office.compare()
    office.sim.advance(30.0)
    assert "正在核对" in office.page(begun.header("Location"))
    office.sim.advance(40.0)
    assert "取不到的账 1" in office.page(begun.header("Location"))


def test_an_engine_that_stops_while_a_party_is_silent(office: Office) -> None:
    silence(office, "einvoice")
    where = office.compare().header("Location")
    office.sim.advance(5.0)
    engine = office.lab.engine
    assert engine is not None
    stopped: list[Any] = []
    Deferred.fromCoroutine(engine.stop()).addBoth(stopped.append)
    assert "引擎停止，核对没有做完" in office.page(where)
    assert office.sim.run(lambda: bool(stopped), 20.0), "it need not wait for the party"
    assert stopped == [None]
    office.do(office.lab.start_engine)


def test_too_many_settlements_are_said_before_they_are_read(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.do(lambda: office.settle("B20261122001"))
    monkeypatch.setattr(comparing, "SETTLEMENTS_MAX", 0)
    page = office.result(office.compare())
    assert "这几天有 1 笔结算，超过一次的上限" in page
    assert "各方一致" not in page


def test_the_last_results_are_kept_a_while(office: Office) -> None:
    shown = [office.compare().header("Location") for _ in range(7) if office.sim.advance(5.0) is None]
    page = office.ask("GET", "/console/books").body.decode()
    assert re.findall(r'<td class="num fit"><a href="([^"]+)"', page) == shown[:1:-1]
    assert "已不再保留" in office.page(shown[0])
    assert office.ask("GET", f"/console/books/{shown[0].rpartition('=')[2]}/workbook").status == 404
    office.sim.advance(13 * 3600.0)
    assert "最近的核对" not in office.page()


def test_a_form_of_another_site_is_refused(office: Office) -> None:
    assert office.compare("", "", "ledgers", ("Sec-Fetch-Site", "cross-site")).status == 403
    assert office.compare("", "", "ledgers", ("Origin", "http://evil.example")).status == 403
    assert "最近的核对" not in office.page()
    assert office.compare("", "", "ledgers", ("Origin", "null"), ("Sec-Fetch-Site", "same-origin")).status == 303


@pytest.mark.parametrize("role", ["look", "operate", "finance", "admin"])
def test_whose_page_it_is(staffed: Office, role: str) -> None:
    assert staffed.compare().status == 303, "to the login"
    assert staffed.ask("GET", "/console/books").header("Location").startswith("/console/login")
    staffed.log_in("finance")
    begun = staffed.compare()
    staffed.result(begun)
    taken = f"/console/books/{begun.header('Location').rpartition('=')[2]}/workbook"
    staffed.log_in(role)
    allowed = role in ("finance", "admin")
    replies = [staffed.ask("GET", "/console/books"), staffed.compare(), staffed.ask("GET", taken)]
    assert [reply.status for reply in replies] == ([200, 303, 200] if allowed else [403, 403, 403])
    if allowed:
        assert "finance 于" in staffed.page(begun.header("Location")), "who asked"
    else:
        assert all("可以看的角色 财务 finance · 管理员 admin" in words(reply) for reply in replies)


def test_nobody_from_elsewhere_begins_one(staffed: Office) -> None:
    reply = staffed.compare()
    assert reply.header("Location") == "/console/login?next=%2Fconsole%2Fbooks"
    staffed.log_in("admin")
    assert "最近的核对" not in staffed.page()
