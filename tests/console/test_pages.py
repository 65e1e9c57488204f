"""What an operator reads on each page."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest

from engine.cli.listing import Wanted
from engine.cli.listing_tasks import draw_tasks, task_rows
from engine.console.pages import reason_words
from engine.console.texts import PAGES, SHARED, word
from engine.core.errors import ERRORS
from engine.core.times import beijing
from engine.parties.registry import PARTIES
from engine.store.backend import View
from engine.store.contract import Unit, Write
from engine.store.ids import first_id_at
from engine.store.site_versions import Turn, keep_site, take_turn

from . import scenes, town
from .conftest import Browser, Night
from .stage import ROOT, START, result

PAGE_PATHS = (
    "",
    "settlements",
    "tasks",
    "books",
    "calls",
    "messages",
    "channels",
    "channels/outpatient_settlement",
    "routes",
    "config",
    "history",
    "codes",
    "explain",
    "explain?what=E402",
    "help/states",
)


def words(html: str) -> str:
    """A page's text, without tags, white space folded."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def call_ids(html: str) -> list[str]:
    return re.findall(r'href="/console/calls/(\d+)"', html)


@pytest.mark.parametrize("path", PAGE_PATHS)
def test_every_page_in_both_languages(open_browser: Browser, path: str) -> None:
    and_ = "&" if "?" in path else "?"
    zh = open_browser.get(f"/console/{path}{and_}lang=zh")
    en = open_browser.get(f"/console/{path}{and_}lang=en")
    assert zh.status == en.status == 200
    assert b'<html lang="zh-CN">' in zh.body
    assert b'<html lang="en">' in en.body
    assert "结算引擎" in zh.body.decode()
    assert "Settlement engine" in en.body.decode()


def test_language_is_remembered(open_browser: Browser) -> None:
    assert "总览" in open_browser.text("/console/")
    open_browser.get("/console/tasks?lang=en")
    assert "Overview" in open_browser.text("/console/")
    assert open_browser.get("/console/?lang=xx").status == 200


def test_every_text_has_both_languages() -> None:
    for page, table in [*PAGES.items(), ("shared", SHARED)]:
        for key, pair in table.items():
            assert all(pair), (page, key)
            assert len(pair) == 2, (page, key)
            assert set(re.findall(r"\{\w+\}", pair[0])) == set(re.findall(r"\{\w+\}", pair[1])), (page, key)
            letters = re.search(r"[\u4e00-\u9fff]", pair[1])
            assert letters is None or key == "other_language", (page, key)


def test_no_template_speaks_by_itself() -> None:
    """Every word a reader sees comes from a table."""
    for path in (ROOT / "engine/console/templates").glob("*.html"):
        text = re.sub(r"\{[%#{].*?[%#}]\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert re.search(r"[\u4e00-\u9fff]", text) is None, path.name
        shown = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text))
        assert re.findall(r"[A-Za-z]{3,}", shown) == [], path.name


def test_overview_counts_today(open_browser: Browser, night: Night) -> None:
    text = words(open_browser.text("/console/"))
    assert "已结算 64 ¥ 76,800.00" in text
    assert "办理中 2 ¥ 2,400.00" in text
    assert "待人工 1 ¥ 1,200.00" in text
    assert "需要人处理 2" in text
    assert "撤销被拒" in text
    assert night.no["manual"] in text
    assert night.no["waiting"] in text
    assert night.stage.site.content_hash[:12] in text
    assert "可写入" in text


def test_party_that_is_silent_is_seen(open_browser: Browser) -> None:
    page = open_browser.text("/console/")
    rows = re.findall(r'<span class="lamp (\w+)"></span><a href="/console/calls\?party=(\w+)">', page)
    assert ("bad", "nhsa") in rows
    assert ("good", "his") in rows


def test_a_party_that_nobody_called_raises_no_alarm(open_browser: Browser) -> None:
    rows = [row for row in open_browser.text("/console/").split("<tr>") if "24 小时内无" in row]
    seen = {(re.findall(r"lamp (\w+)", row)[0], re.findall(r'"(\w+)">24 小时内无', row)[0]) for row in rows}
    assert seen == {("dim", "dim")}


def test_list_filters_and_pages(open_browser: Browser, night: Night) -> None:
    def numbers(query: str) -> list[str]:
        return re.findall(
            r'<a class="num" href="/console/settlements/(\w+)">', open_browser.text(f"/console/settlements?{query}")
        )

    assert numbers("state=manual") == [night.no["manual"]]
    assert numbers("state=open") == [night.no["waiting"], night.no["stuck"]]
    assert numbers(f"number={night.no['settled']}P1") == [night.no["settled"]]
    assert numbers("number=K01-000003") == [night.no["paid_again"]]
    assert numbers("bill=B20261122004") == [night.no["undone"]]
    assert numbers("day=2026-11-21") == []
    assert numbers("bill=%27+OR+1%3D1--") == []
    first = open_browser.text(f"/console/settlements?day={beijing(START, '%Y-%m-%d')}")
    more = re.search(r'href="(/console/settlements\?[^"]*before=\d+)"', first)
    assert more is not None
    second = open_browser.text(unescape(more[1]))
    seen = [re.findall(r'<a class="num" href="/console/settlements/(\w+)">', page) for page in (first, second)]
    assert [len(rows) for rows in seen] == [50, 23]
    assert len(set(seen[0]) | set(seen[1])) == 73
    assert "日期格式应为" in open_browser.text("/console/settlements?day=tomorrow")


@pytest.mark.parametrize(
    "query", ["state=open", "state=settled", "bill=B1", "number=x", f"day={beijing(START, '%Y-%m-%d')}"]
)
def test_a_filtered_list_never_reads_the_whole_table(night: Night, query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[str] = []

    def select(view: Any, asked: Any) -> Any:
        text, params = view._backend.compile(asked)
        plans.extend(row[3] for row in view._raw.execute("EXPLAIN QUERY PLAN " + text, params).fetchall())
        return original(view, asked)

    original = View.select
    monkeypatch.setattr(View, "select", select)
    night.browser(night.site()).text(f"/console/settlements?{query}")
    assert any("SEARCH settlements" in plan for plan in plans)
    assert [plan for plan in plans if plan.startswith("SCAN")] == []


def test_calls_by_outcome_go_on_where_they_stopped_looking(hall: Night) -> None:
    """A rare outcome two days back is found by going on, a day at a time."""
    lost = hall.stage.begin(scenes.slow_payment(), hall.stage.world.now() + 1)
    hall.stage.run_until(hall.stage.world.now() + 120)
    hall.stage.clock.advance(3 * 86_400)
    browser = hall.browser(hall.site())
    where, pages = "/console/calls?outcome=unknown", 0
    while lost not in (page := browser.text(where)):
        more = re.search(r'href="(/console/calls\?[^"]*before=\d+)"', page)
        assert more is not None
        where, pages = unescape(more[1]), pages + 1
        assert pages < 5
    assert pages >= 1


def test_list_reads_no_body(open_browser: Browser, night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    def no(*_: object) -> bytes:
        raise AssertionError("a list opened something sealed")

    monkeypatch.setattr("engine.store.backend.View.unseal", no)
    monkeypatch.setattr("engine.store.backend.View.unseal_body", no)
    assert "已结算" in open_browser.text("/console/settlements")
    assert "微信支付" in open_browser.text("/console/calls")


def test_amounts_are_yuan(open_browser: Browser, night: Night) -> None:
    text = words(open_browser.text(f"/console/settlements/{night.no['settled']}"))
    assert "总额 1,200.00" in text
    assert "统筹基金 125.00" in text
    assert "现金 1,075.00" in text


def test_timeline_tells_how_an_unknown_payment_was_decided(open_browser: Browser, night: Night) -> None:
    page = open_browser.text(f"/console/settlements/{night.no['paid_again']}")
    timeline = words(page[page.index('class="timeline"') : page.index("各方各笔")])
    story = [
        "付款码支付 micropay",
        "不明 SILENT 10.0 秒",
        "第 10 笔 未定",
        "到时间了",
        "停止中",
        "阻断 撤销付款码订单",
        "已隔断",
        "查证 查询付款码订单",
        "不存在",
        "第 10 笔 未成 查到：不存在",
        "等待患者",
        "终端送来 pay_choice",
        "第 11 笔 成功",
        "已结算",
    ]
    at = 0
    for part in story:
        found = timeline.find(part, at)
        assert found >= 0, (part, timeline[at : at + 300])
        at = found
    number = night.no["paid_again"]
    assert f"{number}P1" in timeline
    assert f"{number}P2" in timeline


def test_every_call_is_on_the_timeline_once(open_browser: Browser, night: Night) -> None:
    for name, no in night.no.items():
        page = open_browser.text(f"/console/settlements/{no}")
        ids = call_ids(page)
        stored = night.stage.store.read(
            lambda conn, no=no: [r[0] for r in conn.rows("calls_of", settlement_no=no, after=0, limit=999)]
        )
        expected: list[list[int]] = []
        stored.addCallback(expected.append)
        assert sorted(map(int, ids)) == expected[0], name


def test_refused_undo_says_what_to_do(open_browser: Browser, night: Night) -> None:
    page = words(open_browser.text(f"/console/settlements/{night.no['manual']}"))
    assert "待人工" in page
    assert "撤销被拒 · 第 14 笔" in page
    assert "从这里折返" in page
    tasks = words(open_browser.text("/console/tasks"))
    assert "已完成的一步要撤销，但对方拒绝" in tasks
    assert "现在做什么 1. 看报文中对方的拒绝原因" in tasks
    assert "责任方 微信支付" in tasks
    assert "已等" in tasks
    typed = f'engine resolve {night.no["manual"]} --by … --reason "…" --leg 14=…'
    assert typed in tasks, "closing the task is refused while the settlement stands still for it"
    assert typed in page
    rest = " ".join(tasks.split(night.no["no_invoice"])[1:])
    assert f"engine show {night.no['no_invoice']}" in tasks
    assert "engine tasks close" in rest, "what is settled is closed, not decided"


def test_the_history_of_the_configuration_stands_on_a_page(hall: Night) -> None:
    store = hall.stage.store
    for seq, kind, by, why in ((1, "start", "engine", ""), (2, "apply", "测试甲", "换了代码表")):
        base = f"v{seq - 1}" if seq > 1 else ""
        turn = Turn(seq, f"v{seq}", hall.stage.site.content_hash, base, kind, by, why, START + seq)
        result(store.submit(Unit("turn", take_turn(turn, {"engine.yaml": str(seq)}, {}))))
    zh, en = (words(hall.browser(hall.site()).text(f"/console/history?lang={one}")) for one in ("zh", "en"))
    assert re.search(r"2 2026-[0-9: -]+ 启用 现行 v2 测试甲 换了代码表 改了什么", zh)
    assert "start v1" in en
    assert en.count("in force v2") == 1


def test_the_command_line_tells_tasks_as_the_page_does(night: Night, capsys: pytest.CaptureFixture[str]) -> None:
    told: list[list[dict[str, Any]]] = []
    night.stage.store.read(lambda conn: task_rows(conn, Wanted(limit=50), None)).addCallback(told.append)
    (rows,) = told
    draw_tasks(rows, {"wechat": "wechat"}, night.stage.world.now())
    said = capsys.readouterr().out
    one = next(part for part in said.split("▶") if night.no["manual"] in part)
    row = next(row for row in rows if row["settlement_no"] == night.no["manual"])
    assert one.startswith(f" {row['id']}  撤销被拒 · An undo was refused\n")
    assert "#14" in one
    assert "微信支付 · WeChat Pay" in one
    assert re.search(r"已等 .+ · open for .+", one)
    for text in ("已完成的一步要撤销", "1. 看报文中对方的拒绝原因", "1. Read the party's reason"):
        assert f"\n  {text}" in one
    assert one.rstrip().endswith(f'→ engine resolve {night.no["manual"]} --by … --reason "…" --leg 14=…')
    rest = next(part for part in said.split("▶") if night.no["no_invoice"] in part)
    assert rest.rstrip().endswith(f"→ engine tasks close {rest.split()[0]} --by … --reason \"…\"")
    assert all(kind not in said for kind in ("undo_refused", "final_refused", "\t"))
    assert row["type"][0] == f"engine show {night.no['manual']}"
    assert "测试庚" not in said


def test_the_command_line_says_that_there_is_no_task(capsys: pytest.CaptureFixture[str]) -> None:
    draw_tasks([], {}, START)
    assert capsys.readouterr().out == "没有待办 · no task\n"


def test_reason_in_both_languages(open_browser: Browser, night: Night) -> None:
    page = words(open_browser.text(f"/console/settlements/{night.no['expired']}"))
    assert "未在规定时间内选择支付方式" in page
    assert "No payment was chosen in time" in page


def test_the_list_says_a_site_s_own_reasons_in_words(open_browser: Browser, night: Night) -> None:
    """Codes of maps (E-NOT-SIGNED, the hospital's own) stood there bare; those of the engine did not."""
    site = night.stage.site
    assert "E-NOT-SIGNED" not in ERRORS
    assert reason_words(site, "E-NOT-SIGNED", "en").startswith("Not signed up")
    assert reason_words(site, "E-UNMAPPED", "zh") == "代码未对照"
    assert reason_words(site, "E-OF-NOBODY", "zh") == "E-OF-NOBODY"
    row = next(row for row in open_browser.text("/console/settlements").split("<tr>") if night.no["rejected"] in row)
    assert "代码未对照" in row


def test_channels_say_where_messages_come_in_and_which_receiver_is_which(open_browser: Browser) -> None:
    rows = {words(row).split()[0]: words(row) for row in open_browser.text("/console/channels").split("<tr>")[2:]}
    assert "hl7 ADT^*" in rows["his_events"]
    assert "由结算通道转交" in rows["dft_p03"]
    assert "接收系统 emr" in rows["his_events"]
    assert "接收系统 data_platform" in rows["his_events"]
    assert "每日 02:30" in rows["insurance_reconciliation"]


def test_a_channel_s_steps_say_what_is_done(open_browser: Browser) -> None:
    page = open_browser.text("/console/channels/outpatient_settlement")
    assert "his.lock 锁定单据" in words(page[: page.index('id="his.bill"')])


def test_doors_say_what_they_are_for(open_browser: Browser) -> None:
    page = words(open_browser.text("/console/routes"))
    assert "/v1/outpatient/settlements 门诊结算" in page
    assert "/callback/wechat 接收通知：微信支付" in page
    assert "/healthz 是否活着" in page
    assert "hl7 127.0.0.1:8610" in page
    assert "MLLP" in page
    assert page.count("/v1/settlements/{no}/pay 患者选定支付方式") == 1
    assert "/console/settlements" not in page, "one line is enough for the console's own pages"


def test_plan_shows_where_it_stands(open_browser: Browser, night: Night) -> None:
    page = open_browser.text(f"/console/settlements/{night.no['waiting']}")
    rows = re.findall(r'<tr class="(done|passed|skipped|here|turned|to_come)">(.*?)</tr>', page, re.DOTALL)
    stands = {words(body).split()[2]: look for look, body in rows}
    assert stands["his.lock"] == "done"
    assert stands["check_bill_rules"] == "passed"
    assert stands["pay_choice"] == "here"
    assert stands["nhsa.settle"] == "to_come"
    self_pay = open_browser.text(f"/console/settlements/{night.no['cancelled']}")
    rows = re.findall(r'<tr class="(done|passed|skipped|here|turned|to_come)">(.*?)</tr>', self_pay, re.DOTALL)
    stands = {words(body).split()[2]: look for look, body in rows}
    assert stands["nhsa.person"] == stands["check_nhsa_rules_person"] == "skipped"
    assert stands["pay_choice"] == "turned"


def test_planted_script_is_only_text(open_browser: Browser, night: Night) -> None:
    no = night.no["planted"]
    page = open_browser.text(f"/console/settlements/{no}")
    pages = [
        page,
        open_browser.text("/console/calls"),
        open_browser.text("/console/tasks"),
        open_browser.text("/console/"),
    ]
    pages += [open_browser.text(f"/console/calls/{one}") for one in call_ids(page)]
    pages.append(open_browser.text("/console/settlements?bill=%3Cscript%3Ealert(1)%3C/script%3E"))
    assert any("&lt;b&gt;X&lt;/b&gt;" in one for one in pages)
    for one in pages:
        assert "<script>" not in one
        assert "<b>X" not in one
        assert re.findall(r"<script[^>]*>", one) == ['<script src="/console/static/console.js" defer>']


def test_no_page_shows_a_person(open_browser: Browser, night: Night) -> None:
    """Not one page, nor one call's bytes, holds an identifier in clear."""
    hidden = (town.ID_NO, town.PHONE, town.CARD, town.PSN_NO, town.AUTH_CODE, town.SIGN_KEY, town.SIGN_KEY.upper())
    for name in ("settled", "manual", "no_invoice", "slow_payment"):
        page = open_browser.text(f"/console/settlements/{night.no[name]}")
        pages = [page, *(open_browser.text(f"/console/calls/{one}") for one in call_ids(page))]
        for one in pages:
            for value in (*hidden, "测试甲", "测试乙", "测试庚"):
                assert value not in one, (name, value)


def test_call_page_lays_out_and_masks(open_browser: Browser, night: Night) -> None:
    page = open_browser.text(f"/console/settlements/{night.no['settled']}")
    texts = [unescape(open_browser.text(f"/console/calls/{one}")) for one in call_ids(page)]
    bill, person, pay, invoice = texts[0], texts[2], texts[9], texts[-1]
    assert '"patientName": "测*"' in bill
    assert '"idNo": "370***********0117"' in bill
    assert '"phone": "139****0001"' in bill
    assert '"itemName": "根管治疗"' in bill
    assert '"certno": "370***********0117"' in person
    assert '"mdtrt_cert_no": "****1234"' in person
    assert "<auth_code>****</auth_code>" in pay
    assert "<transaction_id>4200001234202611220000000001</transaction_id>" in pay
    assert '"data": ⟨Base64⟩ {' in invoice
    assert '"payer": "测*"' in invoice
    assert open_browser.log.lines[-1][0] == "console_bytes_seen"


def test_silent_call_says_no_answer(open_browser: Browser, night: Night) -> None:
    page = open_browser.text(f"/console/settlements/{night.no['slow_payment']}")
    texts = [words(open_browser.text(f"/console/calls/{one}")) for one in call_ids(page)]
    assert any("没有收到应答" in one and "SILENT" in one for one in texts)
    down = open_browser.text(f"/console/settlements/{night.no['insurance_down']}")
    assert any("没有保存请求" in open_browser.text(f"/console/calls/{one}") for one in call_ids(down))


def test_purged_body_is_said_to_be(hall: Night) -> None:
    browser = hall.browser(hall.site())
    first = call_ids(browser.text(f"/console/settlements/{hall.no['settled']}"))[0]
    assert "应答已清理" not in browser.text(f"/console/calls/{first}")
    later = hall.stage.world.now() + 1
    purge = Write("purge_bodies", {"before_id": first_id_at(later), "before": later, "limit": 1000})
    hall.stage.keep(Unit("purge", (purge,)))
    page = browser.text(f"/console/calls/{first}")
    assert "应答已清理" in page
    assert "没有保存请求" in page


def test_channel_says_what_a_code_means(open_browser: Browser) -> None:
    page = words(open_browser.text("/console/channels/outpatient_settlement"))
    assert "其余一律 不明" in page
    assert "nothing to undo" in page or "no lock stands: that is what was wanted" in page
    assert "动款" in page
    assert open_browser.get("/console/channels/none").status == 404


def test_states_page_draws_the_tables(open_browser: Browser) -> None:
    page = words(open_browser.text("/console/help/states"))
    assert "查到：不存在 待发 不动 已发出 不动 未定 稍后查证 停止中 不动 未成 折返或重选" in page
    english = words(open_browser.text("/console/help/states?lang=en"))
    assert "fact: not there Ready nothing Sent nothing Unsure ask later Dead nothing Not done back, or again" in english


def test_missing_things_are_404(open_browser: Browser) -> None:
    for path in ("settlements/S0", "calls/1", "calls/abc", "nothing", "static/../access.py", "static/nothing.css"):
        assert open_browser.get(f"/console/{path}").status == 404, path


def test_page_that_cannot_be_read_says_so(open_browser: Browser, night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError("/var/lib/secret-place: disk")

    monkeypatch.setattr("engine.store.pages.settlement_page", broken)
    reply = open_browser.get("/console/settlements")
    assert reply.status == 500
    assert "secret-place" not in reply.body.decode()
    line = open_browser.log.lines[-1]
    assert line[0] == "console_page_failed"
    assert "OSError" in str(line)
    assert "secret-place" not in str(line), "an exception's own words may be a patient's"


def test_older_version_of_the_configuration_gives_the_plan(night: Night) -> None:
    """A settlement keeps the steps it began with, also when another configuration is in force."""
    files = {path: data.decode() for path, data in night.stage.site.files.items()}
    night.stage.keep(Unit("site", (keep_site(night.stage.site.content_hash, files, START),)))
    newer = replace(night.site(), content_hash="f" * 64, channels={})
    page = night.browser(newer).text(f"/console/settlements/{night.no['settled']}")
    assert "nhsa.register" in page
    assert "该版本的配置已不可用" not in page


def test_every_kind_of_task_has_words_of_its_own() -> None:
    from engine.console.pages import KNOWN
    from engine.console.texts.shared import TEXTS as SHARED

    called = re.compile(r'(?:self\.person\(|Task\(|_cannot\(|desk\.call\(\s*|person = |_TASK = )"([a-z_]+)"')
    kinds = {kind for path in (ROOT / "engine").rglob("*.py") for kind in called.findall(path.read_text("utf-8"))}
    assert {"late_payment", "cannot_ask", "key_missing", "callback_unknown", "undo_slow"} <= kinds
    closed_at_once = {"moved_onto"}
    assert kinds - closed_at_once <= KNOWN
    assert {f"task.{kind}" for kind in kinds} <= set(SHARED)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_kind_of_party_has_a_word(language: str) -> None:
    for kind in PARTIES:
        assert word("kind", kind, language) != kind


def test_connections_of_one_kind_are_told_apart(open_browser: Browser, night: Night) -> None:
    page = open_browser.text("/console/")
    for name in ("emr", "data_platform"):
        assert f'<span class="dim small">{name}</span>' in page
    assert '<span class="dim small aka">wechat</span>' in page
