"""Directories, statements and the 电子凭证 through the party: what is built is understood, what comes is read."""

from __future__ import annotations

import io
import zipfile
from decimal import Decimal
from typing import Any

import pytest

from engine.core.http import HttpReply
from engine.core.outcome import Outcome
from engine.parties.contract import Answer, Outgoing
from engine.parties.nhsa import files
from engine.parties.nhsa.operations import DIRECTORIES
from engine.parties.nhsa.party import PARTY
from engine.parties.nhsa.settings import Settings

from .bench import Town, signed_in
from .judge import outcome_of

OK, NO, UNKNOWN = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.UNKNOWN


@pytest.fixture
def town() -> Town:
    made = Town()
    signed_in(made)
    return made


def msgid(town: Town) -> str:
    return f"H3702000000020261122100000{town.asked + 1000:04d}"


def ask(town: Town, op: str, given: dict[str, Any], **more: Any) -> tuple[Outcome, Answer]:
    return town.call("nhsa", op, {"insuplc_admdvs": "370200", "input": given, **more}, msgid(town))


def settings(**more: Any) -> Settings:
    return Settings(
        fixmedins_code="H37020000000", fixmedins_name="模拟口腔医院", mdtrtarea_admvs="370200", opter="K01",
        opter_name="自助机", **more,
    )  # fmt: skip


def zipped(**entries: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as whole:
        for name, content in entries.items():
            whole.writestr(name, content)
    return made.getvalue()


@pytest.mark.parametrize("code", list(DIRECTORIES))
def test_a_directory_is_asked_for_and_fetched(town: Town, code: str) -> None:
    outcome, told = ask(town, code, {"data": {"ver": "0"}})
    assert outcome is OK
    want = {"file_qury_no": told.body["file_qury_no"], "filename": "plc", "fixmedins_code": "plc"}
    outcome, answer = ask(town, "9102", {"fsDownloadIn": want}, columns=["0", 1])
    assert (outcome, len(answer.body["rows"])) == (OK, told.body["data_cnt"])
    assert set(answer.body["rows"][0]) == {"c0", "c1"}
    outcome, answer = ask(town, "9102", {"fsDownloadIn": {**want, "file_qury_no": "gone"}})
    assert (outcome, answer.body) == (NO, None)  # JSON again: a refusal


@pytest.mark.parametrize("upload_as", ["base64", "bytes"])
def test_a_statement_goes_up_as_a_file_and_its_verdicts_come_back(town: Town, upload_as: str) -> None:
    town.opened["nhsa"] = town.opened["nhsa"].model_copy(update={"upload_as": upload_as})
    row = {"setl_id": "900", "mdtrt_id": "9", "psn_no": "1", "a": Decimal("10.00"), "b": Decimal(0), "c": 0, "d": "0"}
    outcome, put = ask(town, "9101", {"fsUploadIn": {"filename": "stmt.txt.zip", "rows": [row]}})
    assert outcome is OK
    asked = {
        "setl_optins": "370200", "file_qury_no": put.body["file_qury_no"], "stmt_begndate": "2026-11-22",
        "stmt_enddate": "2026-11-22", "medfee_sumamt": "10.00", "fund_pay_sumamt": "0.00", "cash_payamt": "10.00",
        "fixmedins_setl_cnt": 1, "clr_type": "11",
    }  # fmt: skip
    outcome, told = ask(town, "3202", {"data": asked})
    info = told.body["fileinfo"]
    want = {"file_qury_no": info["file_qury_no"], "filename": info["filename"], "fixmedins_code": "H37020000000"}
    outcome, answer = ask(town, "9102", {"fsDownloadIn": want})
    assert [(r["c2"], r["c4"]) for r in answer.body["rows"]] == [("900", "2")]


def test_the_ec_code_is_decoded_or_refused_in_words(town: Town) -> None:
    code = town.sims["nhsa"].act({"act": "show_ec_code", "person": "P0001"})["ecQrCode"]
    body = {"data": {"businessType": "01301", "ecQrCode": code}}
    outcome, answer = town.call("nhsa", "ec.query", body)
    assert (outcome, answer.body["userName"], answer.body["ecToken"][:6]) == (OK, "测试甲", "370200")
    outcome, answer = town.call("nhsa", "ec.query", body)
    assert (outcome, answer.code, answer.session_lost) == (NO, "500160", False)
    outcome, answer = town.call("nhsa", "ec.query", {"data": {"businessType": "01301", "ecQrCode": "13456789"}})
    assert (outcome, answer.text) == (NO, "请使用医保电子凭证二维码")


def test_a_sign_out_names_the_session_it_ends(town: Town) -> None:
    assert ask(town, "9002", {})[0] is OK
    assert ask(town, "1201", {"medinsinfo": {"fixmedins_code": "H37020000000"}})[1].session_lost


def call(op: str = "9102", body: Any = None, **more: Any) -> Outgoing:
    return Outgoing(op, body or {"input": {}}, "N1", settings(**more), {}, 0.0, "0" * 32)


def read(data: bytes, **more: Any) -> Answer:
    made = call(**more)
    return PARTY.read(made, PARTY.build(made), HttpReply(200, (), data))


@pytest.mark.parametrize(
    ("text", "more", "rows"),
    [
        (b"a\tb\r\nc\td\n\n", {}, [{"c0": "a", "c1": "b"}, {"c0": "c", "c1": "d"}]),
        ("\ufeff甲|乙\n".encode(), {"file_separator": "bar"}, [{"c0": "甲", "c1": "乙"}]),
        ("甲\t乙\n".encode("gb18030"), {"file_charset": "GB18030"}, [{"c0": "甲", "c1": "乙"}]),
        (b"name\tcode\nx\ty\n", {"file_header": True}, [{"c0": "x", "c1": "y"}]),
        (b"", {}, []),
    ],
)
def test_files_are_read_as_the_site_says(text: bytes, more: dict[str, Any], rows: list[dict[str, str]]) -> None:
    assert read(zipped(**{"a.txt": text}), **more).body == {"file": "a.txt", "rows": rows}


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04 broken", zipped(**{"a.txt": b"\xff\xfe\xff"}), zipped(**{"a.txt": b"x" * 3000}),
        zipped(**{"a.txt": b"x" * 700, "b.txt": b"x" * 700}), zipped(**{"a.txt": b"a\tb\n"})[:-30],
    ],
)  # fmt: skip
def test_what_is_no_file_of_rows_is_unknown(data: bytes) -> None:
    answer = read(data, file_max=1024)
    assert not answer.intact
    assert outcome_of(PARTY, "9102", answer) is UNKNOWN


def test_infcode_0_without_a_file_is_no_file() -> None:
    assert not read(b'{"infcode":0,"output":null}').intact


@pytest.mark.parametrize("value", ["a\tb", "a\nb", "a\rb"])
def test_a_value_that_would_break_its_row_is_not_sent(value: str) -> None:
    with pytest.raises(ValueError, match="separator"):
        files.packed("a.txt.zip", [{"x": value}], settings())


def test_the_same_rows_make_the_same_bytes() -> None:
    rows = [{"x": Decimal("1.10"), "y": None}]
    assert files.packed("a.txt.zip", rows, settings()) == files.packed("a.txt.zip", rows, settings())
