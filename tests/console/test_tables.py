"""Tables of parties that serve no ledger, handed in at the console's books page: bytes in, page and rows out."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from engine.console import comparing
from engine.console.form_data import BadForm, form_with_files
from engine.core.http import HttpReply
from engine.runtime.books_csv import CsvLedger
from tests.books.test_csv import written

from .office import Office, hold, multipart, words

HEADS = "种类,编号,时间,账单号,金额(元)"
GOOD = f"{HEADS}\n入账,S1,2026-11-22 10:15:00,B1,12.00\n".encode()


@pytest.fixture
def desk(staffed: Office) -> Office:
    """Somebody of finance, logged in."""
    staffed.log_in("finance")
    return staffed


def table(office: Office, party: str, edit: Callable[[dict[str, Any]], bool] = lambda row: True) -> tuple[str, bytes]:
    """What the party's people export of their ledger: GB18030, with Chinese words."""
    written(office, office.lab.folder, party, edit)
    place = office.lab.folder / f"{party}.csv"
    data = place.read_bytes()
    place.unlink()
    return place.name, data


def silent(office: Office, *parties: str) -> None:
    """They serve no ledger (any more)."""
    for party in parties:
        office.lab.ports[party].stopListening()


def refused(reply: HttpReply, status: int = 400) -> str:
    page = words(reply)
    assert reply.status == status, page
    return page


def test_a_table_stands_for_the_ledger_of_a_party_that_serves_none(desk: Office) -> None:
    desk.do(lambda: desk.settle("B20261122001"))
    files = [table(desk, "his"), table(desk, "einvoice")]
    silent(desk, "his", "einvoice")
    assert "下列各方的账取不到" in desk.result(desk.compare())
    begun = desk.hand_in(files)
    page = desk.result(begun)
    assert "各方一致，没有差异。" in page
    assert "取不到的账 0" in page
    rows = {name.removesuffix(".csv"): data.count(b"\n") - 1 for name, data in files}
    assert rows["his"] > 1
    for kind, name in (("医院 HIS", "his"), ("电子票据", "einvoice")):
        assert f"{kind} 表格，{rows[name]} 行" in page
    assert "医保平台 表格" not in page
    assert f"E-invoice table, rows: {rows['einvoice']}" in desk.page(begun.header("Location"), "en")
    filed = desk.workbook(begun)[2]
    handed = [f"{filed[f'A{n}']} {filed[f'B{n}']}" for n in (9, 10)]
    assert handed == [f"对方导出的表格 · a table handed in {name}.csv（{n} 行 rows）" for name, n in rows.items()]


def test_what_a_table_does_not_hold_is_a_difference(desk: Office) -> None:
    answer = desk.do(lambda: desk.settle("B20261122001"))
    page = desk.result(desk.hand_in([table(desk, "his", lambda row: row["kind"] != "book")]))
    for word in ("已结算，HIS 没有入账", "his_missing", answer["settlement_no"], "差异 1"):
        assert word in page, word


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_utf_8_with_or_without_its_mark(desk: Office, mark: bytes) -> None:
    desk.do(lambda: desk.settle("B20261122001"))
    name, data = table(desk, "his")
    page = desk.result(desk.hand_in([(name, mark + data.decode("gb18030").encode())]))
    assert "各方一致，没有差异。" in page


def test_a_form_without_files_is_one_as_well(desk: Office) -> None:
    """A browser sends an empty file where none was chosen."""
    assert "这几天没有结算" in desk.result(desk.hand_in([("", b"")]))


MISTAKES = [
    ("his.csv", f"{HEADS}\n入帐,S1,2026-11-22 10:15:00,B1,12.00\n".encode("gb18030"), "his.csv:2:1",
     "是否应为“入账（book）”？", 'did you mean "book (入账)"?'),
    ("his.csv", f"{HEADS}\nboook,S1,2026-11-22 10:15:00,B1,12.00\n".encode(), "his.csv:2:1",
     "是否应为“入账（book）”？", 'did you mean "book (入账)"?'),
    ("his.csv", GOOD.replace("编号".encode(), b"nr"), "his.csv:1:2", "没有“nr”这一列", 'no column "nr"'),
    ("his.csv", GOOD.replace(b"12.00", b"12.0.0"), "his.csv:2:5", "不是金额（元）", "no amount in yuan"),
    ("his.csv", GOOD.replace(b"10:15", b"25:15"), "his.csv:2:3", "不是时间", "is no time"),
    ("hiss.csv", GOOD, "hiss.csv", "是否应为 his.csv？", "did you mean his.csv?"),
    ("C:\\导出\\发票.csv", GOOD, "发票.csv", "文件名应为 his.csv", "the names are his.csv"),
    ("his.csv", b"\xff\xfek\x00i\x00n\x00d\x00", "his.csv:1:1", "既不是 UTF-8 也不是 GB18030",
     "neither UTF-8 nor GB18030"),
    ("his.xlsx", b"PK\x03\x04", "his.xlsx", "请另存为 CSV", "save it as CSV"),
    ("his<b>.csv", GOOD, "his<b>.csv", "是否应为 his.csv", "did you mean his.csv"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "place", "zh", "en"), MISTAKES)
def test_a_wrong_table_is_refused_at_its_place(
    desk: Office, name: str, data: bytes, place: str, zh: str, en: str
) -> None:
    for language, heading, said in (("zh", "表格有错，没有核对", zh), ("en", "nothing was compared", en)):
        reply = desk.hand_in([(name, data)], path=f"/console/books?lang={language}", by="bills", first=desk.today(3),
                             last=desk.today(2))  # fmt: skip
        page = refused(reply)
        assert f" {place} " in page
        for word in (heading, said):
            assert word in page, word
        assert desk.today(3) in reply.body.decode(), "the days stay as they were asked for"
        assert "his<b>" not in reply.body.decode()
    assert "最近的核对" not in desk.page(), "nothing was begun"


def test_all_mistakes_of_all_tables_are_told_at_once(desk: Office) -> None:
    wrong = GOOD.replace("入账".encode(), "入帐".encode()).replace(b"12.00", b"x")
    page = refused(desk.hand_in([("his.csv", wrong), ("nhsa.csv", b"kind,no\n"), ("x.csv", b"")]))
    for place in ("his.csv:2:1", "his.csv:2:5", "nhsa.csv:1:3", "x.csv"):
        assert f" {place} " in page, place
    many = f"{HEADS}\n".encode() + b"x,,,,\n" * 300
    page = refused(desk.hand_in([("his.csv", many), ("nhsa.csv", many), ("einvoice.csv", many)]))
    assert "错误太多，后面的没有再看" in page
    assert "另有 " in page, "the page has its end, too"


def test_nothing_of_a_table_stays(desk: Office) -> None:
    """Neither on the disk nor in memory, nor in the log: what it told of a person is gone with the comparison."""
    desk.do(lambda: desk.settle("B20261122001"))
    name, data = table(desk, "his")
    row = f"入账,S77,{desk.today()} 10:15,有效,B77,,欧阳测试甲,12.00,12.00,\r\n"
    go_on = hold(desk)
    begun = desk.hand_in([(name, data + row.encode("gb18030"))])
    assert any(isinstance(one, CsvLedger) for one in gc.get_objects()), "it is being compared"
    go_on()
    assert "unknown_number" in desk.result(begun)
    refused(desk.hand_in([(name, data + row.replace("入账", "欧阳测试甲").encode("gb18030"))]))
    gc.collect()
    assert not any(isinstance(one, CsvLedger) for one in gc.get_objects())
    left = [path for path in Path(desk.lab.folder).rglob("*") if path.is_file()]
    assert left
    for said in ("欧阳测试甲", "S77"):
        assert said not in desk.lab.log.getvalue()
        for path in left:
            assert not any(said.encode(code) in path.read_bytes() for code in ("utf-8", "gb18030")), path


def test_files_and_bytes_have_a_limit(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    page = refused(desk.hand_in([(f"p{n}.csv", GOOD) for n in range(21)]))
    assert "文件太多，请分几次核对" in page
    monkeypatch.setattr(comparing, "TABLE_BYTES", 40)
    assert "his.csv 超过 40 字节" in refused(desk.hand_in([("his.csv", GOOD)]))
    monkeypatch.setattr(comparing, "TABLE_BYTES", 1 << 20)
    monkeypatch.setattr(comparing, "TABLE_ROWS", 1)
    rows = "入账,S2,2026-11-22 10:15:00,B1,12.00\n".encode()
    assert "his.csv:3:0 一次交的行数太多" in refused(desk.hand_in([("his.csv", GOOD + rows)]))
    monkeypatch.setattr("engine.console.tables_page.FORM_BYTES", 800)
    assert "表格太大" in refused(desk.hand_in([("his.csv", GOOD + rows * 10)]), 413)
    plain = desk.ask("POST", "/console/books", {"first": desk.today(), "last": "x" * 5000})
    assert plain.status == 413
    assert "最近的核对" not in desk.page()


def test_the_listener_s_own_limit_holds(desk: Office) -> None:
    """1 MiB in the shipped engine.yaml; the page says so."""
    assert "一次最多 20 个、共 1 MiB" in desk.page()
    reply = desk.hand_in([("his.csv", GOOD + b"\n" * (1 << 20))])
    assert reply.status == 413
    assert b"E-HTTP-TOO-LONG" in reply.body
    assert desk.hand_in([("his.csv", GOOD + b"\n" * ((1 << 20) - 2000))]).status == 303


@pytest.mark.parametrize("torn", [
    lambda kind, body: (kind, body[:-40]),
    lambda kind, body: (kind, b""),
    lambda kind, body: ("multipart/form-data", body),
    lambda kind, body: (kind + "x", body),
    lambda kind, body: (kind, body.replace(b"form-data", b"form", 1)),
    lambda kind, body: (kind, body.replace(b'name="first"', b'name="first\xff"')),
    lambda kind, body: (kind, body.replace(b'name="tables"; filename="his.csv"', b'name="tables"')),
])  # fmt: skip
def test_a_form_that_is_not_whole_is_refused(desk: Office, torn: Callable[[str, bytes], tuple[str, bytes]]) -> None:
    fields = {"first": desk.today(), "last": desk.today(), "by": "ledgers"}
    kind, body = torn(*multipart(fields, [("his.csv", GOOD * 60)]))
    head = f"POST /console/books HTTP/1.1\r\nHost: 127.0.0.1:8600\r\nCookie: {desk.cookie}\r\nContent-Type: {kind}\r\n"
    got = desk.bytes_in(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
    assert got.startswith(b"HTTP/1.1 400 ")
    assert "没有收完整" in got.decode()
    assert "最近的核对" not in desk.page()


@given(st.binary(max_size=300), st.sampled_from(["a", "", "a b", "\x00", "中"]))
def test_whatever_comes_as_a_form_is_read_or_refused(body: bytes, mark: str) -> None:
    for data in (body, b"--a\r\n" + body, b'--a\r\nContent-Disposition: form-data; name="x"' + body + b"\r\n--a--"):
        try:
            form = form_with_files(f"multipart/form-data; boundary={mark}", data, 3)
        except BadForm:
            continue
        assert len(form.files) <= 3


def test_two_at_once_are_read_one_after_the_other(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[Deferred[Any]] = []

    def later(world: Any, work: Callable[[], Any]) -> Deferred[Any]:
        waiting.append(Deferred().addCallback(lambda _: work()))
        return waiting[-1]

    monkeypatch.setattr(comparing, "on_a_thread", later)
    kind, body = multipart({"first": desk.today(), "last": desk.today(), "by": "ledgers"}, [("his.csv", GOOD)])
    first = desk.post(kind, body)
    assert waiting
    second = desk.hand_in([("his.csv", GOOD)])
    assert "已有一次核对在进行" in refused(second, 409)
    monkeypatch.undo()
    waiting[0].callback(None)
    assert desk.sim.run(lambda: first.called, 10.0)
    assert first.result.status == 303


@pytest.mark.parametrize("role", ["look", "operate", "finance", "admin"])
def test_whose_tables_it_is_to_hand_in(staffed: Office, role: str) -> None:
    kind = ("Sec-Fetch-Site", "same-origin")
    reply = staffed.hand_in([("his.csv", GOOD)], kind)
    assert (reply.status, reply.header("Location")) == (303, "/console/login?next=%2Fconsole%2Fbooks")
    assert staffed.ask("GET", "/console/books/tables/his.csv").header("Location").startswith("/console/login")
    staffed.log_in(role)
    replies = [staffed.hand_in([("his.csv", GOOD)], kind), staffed.ask("GET", "/console/books/tables"),
               staffed.ask("GET", "/console/books/tables/his.csv")]  # fmt: skip
    allowed = role in ("finance", "admin")
    assert [reply.status for reply in replies] == ([303, 200, 200] if allowed else [403, 403, 403])
    if not allowed:
        assert all("可以看的角色 财务 finance · 管理员 admin" in words(reply) for reply in replies)


def test_a_form_with_tables_of_another_site_is_refused(desk: Office) -> None:
    for header in (("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site"), ("Origin", "http://evil.example")):
        assert desk.hand_in([("his.csv", GOOD)], header).status == 403
    assert "最近的核对" not in desk.page()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_empty_tables_to_fill_and_what_goes_into_them(desk: Office, language: str) -> None:
    page = desk.ask("GET", f"/console/books/tables?lang={language}").body.decode()
    for party in ("his", "nhsa", "wechat", "alipay", "unionpay", "einvoice", "mobile_pay"):
        assert f'href="/console/books/tables/{party}.csv"' in page, party
        got = desk.ask("GET", f"/console/books/tables/{party}.csv?lang={language}")
        assert got.header("Content-Disposition") == f'attachment; filename="{party}.csv"'
        heads = got.body.decode("utf-8-sig").strip().split(",")
        assert heads[0] == ("种类" if language == "zh" else "kind")
        assert len(heads) >= 6
        assert all(head in page for head in heads)
        assert desk.hand_in([(f"{party}.csv", got.body)]).status == 303
        desk.sim.advance(30.0)
    assert ("必填" if language == "zh" else "Must be there") in page
    assert desk.ask("GET", "/console/books/tables/nobody.csv").status == 404


def test_a_book_that_is_missing_leads_to_its_table(desk: Office) -> None:
    silent(desk, "einvoice")
    begun = desk.compare()
    desk.result(begun)
    page = desk.ask("GET", begun.header("Location")).body.decode()
    assert 'href="/console/books/tables/einvoice.csv"' in page
    assert 'href="/console/books/tables"' in page
