"""What loading makes of good files: the compiled channel, the hash, stored sites, the shipped site."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from engine.config.engine_file import EngineFile
from engine.config.problems import Problem, failing, render_all
from engine.core.outcome import Outcome
from engine.saga.plan import Repeats, StepKind
from engine.site.files import hash_of, pinned_part, read_files
from engine.site.load import lint, load, load_pinned, with_engine
from engine.site.site import Site
from tests.config.fake_parties import PARTIES
from tests.config.sites import GOOD, HERE, ROOT, patched


def good(files: dict[str, bytes] | None = None) -> Site:
    made = load(files or GOOD, parties=PARTIES)
    assert isinstance(made, Site), made
    return made


def test_a_folder_and_its_files_are_the_same_site() -> None:
    made = load(HERE / "site", parties=PARTIES)
    assert isinstance(made, Site)
    assert made.content_hash == good().content_hash


def test_the_plan_is_the_channel_in_rows() -> None:
    plan = good().channels["visit"].plan
    assert plan is not None
    assert [(step.key, step.kind, step.final) for step in plan.steps] == [
        ("his.bill", StepKind.DO, False),
        ("check_rules", StepKind.CHECK, False),
        ("his.lock", StepKind.DO, False),
        ("due", StepKind.WORK, False),
        ("batches", StepKind.WORK, False),
        ("his.note", StepKind.DO, False),
        ("choice", StepKind.AWAIT, False),
        ("pay.charge", StepKind.DO, False),
        ("his.book", StepKind.DO, False),
        ("end", StepKind.WORK, True),
    ]
    charge = plan.steps[plan.index("pay.charge")]
    assert (charge.ask, charge.stop, charge.undo, charge.again) == ("pay.find", "pay.close", "pay.refund", "choice")
    assert (charge.answer, charge.condition) == ("paying", "choice.kind == 'card' && due.cash > 0")
    note = plan.steps[plan.index("his.note")]
    assert (note.each, note.each_as) == ("batches.rows", "batch")
    assert plan.steps[plan.index("due")].maps == ("due_amounts",)  # the channel's amounts
    assert plan.steps[plan.index("choice")].within == 300.0
    assert plan.steps[plan.index("his.book")].must_equal == "his.bill"


def test_calls_know_their_operation_and_the_agreed_maximum() -> None:
    site = good(patched({"file": "engine.yaml", "old": "late_max: 2m}", "new": "late_max: 90s}"}))
    plan = site.channels["visit"].plan
    assert plan is not None
    book, bill = plan.calls["his.book"], plan.calls["his.bill"]
    assert (book.changes, book.money, book.number, book.repeats) == (True, True, "settlement", Repeats.NEVER)
    assert (book.late_max, plan.calls["pay.charge"].late_max) == (90.0, 120.0)
    assert (bill.changes, bill.number, bill.repeats) == (False, "", Repeats.FREELY)
    spec = site.channels["visit"].calls["pay.charge"]
    assert (spec.party, spec.op, spec.wait, spec.amount, spec.number) == ("bank", "pay", 5.0, "due.cash", "trade")
    (row,) = spec.rows
    assert (row.code, row.outcome, row.because) == ("NOMONEY", Outcome.REFUSED, "文档：余额不足不扣款")


def test_maps_and_conditions_are_ready_to_run() -> None:
    channel = good().channels["visit"]
    read = channel.calls["his.bill"].read
    assert read is not None
    answer = {"no": "B1", "total": "12.34", "items": [{"code": "A1", "amount": "12.34"}]}
    made = read.run({"answer": answer, "code": "OK", "text": ""})
    assert made == {"no": "B1", "total": 1234, "items": [{"code": "0010", "amount": 1234}]}
    assert channel.lets["insured"].test({"request": {"pay_identity": "insured"}}) is True
    condition = channel.conditions["choice.kind == 'card' && due.cash > 0"]
    assert condition.test({"choice": {"kind": "card"}, "due": {"cash": 0}}) is False


def test_the_other_kinds_of_channel() -> None:
    site = good()
    bills, sign = site.channels["bills"], site.channels["sign"]
    assert bills.listen is not None
    assert (bills.call, bills.listen.answer_within, bills.listen.request.method) == ("his.bills", 8.0, "GET")
    assert sign.every is not None
    assert (sign.do, sign.keep, sign.every.seconds) == (("bank.sign",), "session", 300)
    choice, paid = site.channels["visit"].hears
    assert choice.request is not None
    assert (choice.event, choice.request.names, choice.once_by) == ("choice", ("no",), ("no", "choice_no"))
    assert (paid.at, paid.party, paid.fact) == ("back", "bank", "paid_fact")


def test_the_hash_is_over_content_not_over_the_node() -> None:
    before = good().content_hash
    assert good(patched({"file": "engine.yaml", "old": "window: 5", "new": "window: 6"})).content_hash == before
    for file, old, new in (
        ("channels/visit.yaml", "answer_within: 40s", "answer_within: 41s"),
        ("mappings/charge.map.yaml", "map: charge", "map: charge "),
        ("mappings/tables/items.csv", "A2,0020", "A2,0021"),
        ("schemas/visit.json", '"object"', '"object" '),
    ):
        assert good(patched({"file": file, "old": old, "new": new})).content_hash != before, file


def test_a_conversation_beside_a_channel_is_not_content() -> None:
    files = {**GOOD, "channels/visit.test.yaml": b"anything: [at all"}
    site = good(files)
    assert site.content_hash == good().content_hash
    assert "channels/visit.test.yaml" not in site.files
    assert site.advice == ()


def test_names_and_contents_cannot_be_shifted_into_each_other() -> None:
    assert hash_of({"a": b"bc"}) != hash_of({"ab": b"c"})
    assert hash_of({"a": b"", "b": b"x"}) == hash_of({"b": b"x", "a": b""})


def test_a_stored_site_comes_back_with_todays_addresses() -> None:
    old = good()
    today = good(patched({"file": "engine.yaml", "old": "127.0.0.1:8701", "new": "10.0.0.9:1"})).engine
    back = load_pinned(old.files, today, parties=PARTIES)
    assert isinstance(back, Site)
    assert back.content_hash == old.content_hash
    assert back.engine.parties["clinic"].url == "http://10.0.0.9:1"
    assert with_engine(old, today).engine is today
    assert "engine.yaml" not in old.files
    assert pinned_part(GOOD) == dict(old.files)


def test_a_stored_site_is_not_judged_by_later_rules() -> None:
    """A hospital field taken out of engine.yaml, or a stricter lint, must not strand settlements in flight."""
    bare = good(
        patched(
            {"file": "engine.yaml", "old": ', code: "0010"', "new": ""},
            {"file": "mappings/bill_query.map.yaml", "old": ", [hospital, hospital.code]", "new": ""},
            {"file": "mappings/sign.map.yaml", "old": "[hospital, hospital.code], ", "new": ""},
        )
    ).engine
    assert isinstance(load_pinned(good().files, bare, parties=PARTIES), Site)
    titled = patched({"file": "channels/bills.yaml", "old": "测试查询", "new": "http://10.0.0.1"})
    assert isinstance(load_pinned(pinned_part(titled), bare, parties=PARTIES), Site)


def test_a_stored_site_whose_party_is_gone_cannot_be_compiled() -> None:
    engine = load(patched({"file": "engine.yaml", "old": "  bank:", "new": "  bank2:"}), parties=PARTIES)
    assert isinstance(engine, list)
    without = good(
        {
            "engine.yaml": re.sub(rb"  clinic: .*\n", b"", GOOD["engine.yaml"]),
            "channels/sign.yaml": GOOD["channels/sign.yaml"],
            "mappings/sign.map.yaml": GOOD["mappings/sign.map.yaml"],
            "mappings/signed.map.yaml": GOOD["mappings/signed.map.yaml"],
        }
    ).engine
    back = load_pinned(good().files, without, parties=PARTIES)
    assert isinstance(back, list)
    assert {item.code for item in back} == {"E305"}


def test_advice_is_kept_beside_a_good_site() -> None:
    site = good(patched({"file": "channels/bills.yaml", "old": "answer_within: 8s", "new": "answer_within: 2s"}))
    assert [item.code for item in site.advice] == ["W510"]


def test_several_settle_channels_share_the_addresses_of_a_settlement() -> None:
    visit = GOOD["channels/visit.yaml"].replace(b"channel: visit", b"channel: home")
    visit = visit.replace(b"/v1/visits", b"/v1/homes")
    assert lint({**GOOD, "channels/home.yaml": visit}, parties=PARTIES) == []


def test_loading_reads_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> bytes:
        raise AssertionError("a secret was read")

    monkeypatch.setattr("engine.config.secret.resolve_secret", never)
    assert lint(GOOD, parties=PARTIES) == []


def shipped() -> list[Problem]:
    return lint(ROOT)


def test_the_shipped_site_has_no_mistake() -> None:
    files = read_files(ROOT)
    wrong = failing(shipped())
    sources = {name: data.decode("utf-8", "replace") for name, data in files.items()}
    assert not wrong, "\n" + render_all(wrong, sources, "en")


def test_the_shipped_node_holds_no_secret_and_stays_on_this_machine() -> None:
    made = load(ROOT)
    assert isinstance(made, Site)
    engine: EngineFile = made.engine
    assert {door.http[0] for door in engine.listeners.values() if door.http} == {"127.0.0.1"}
    assert all("//127.0.0.1:" in entry.url or entry.url == "here:" for entry in engine.parties.values())
    assert json.dumps(str(engine.keys)).count("SecretRef") == 2


def test_empty_folder(tmp_path: Path) -> None:
    assert [item.code for item in lint(tmp_path, parties=PARTIES)] == ["E507"]
