"""Files at the bureau: directories by version, the daily statement row by row; pairings; the 电子凭证."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import Any

import pytest
from insurance_hospital import ITEMS, PEOPLE, Hospital

from simulators.insurance.catalogue import LAYOUTS
from simulators.insurance.paths import PATHS

REGION = "370200"


@pytest.fixture
def hospital() -> Hospital:
    made = Hospital()
    made.sign_in()
    return made


def raw(hospital: Hospital, infno: str, given: dict[str, Any]) -> tuple[str, bytes]:
    """Content type and body of a reply."""
    message = hospital.message(infno, given)
    head, _, body = hospital.http("POST", PATHS[infno][0], json.dumps(message).encode()).partition(b"\r\n\r\n")
    kind = next(line for line in head.decode().split("\r\n") if line.lower().startswith("content-type"))
    return kind.partition(": ")[2], body


def fetched(hospital: Hospital, told: dict[str, Any], name: str = "") -> list[list[str]]:
    """9102 of what 13xx or 3202 named: the rows of the file."""
    given = {"fsDownloadIn": {
        "file_qury_no": told["file_qury_no"], "filename": name or told["filename"], "fixmedins_code": "H37020000000",
    }}
    kind, body = raw(hospital, "9102", given)
    assert kind == "application/octet-stream", body
    with zipfile.ZipFile(io.BytesIO(body)) as packed:
        (only,) = packed.namelist()
        text = packed.read(only).decode()
    return [line.split("\t") for line in text.splitlines()]


def sent(hospital: Hospital, rows: list[tuple[str, ...]], form: str = "base64") -> str:
    """9101 of a statement file; its number."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        packed.writestr("stmt.txt", "".join("\t".join(row) + "\n" for row in rows))
    data = made.getvalue()
    forms: dict[str, Any] = {
        "base64": base64.b64encode(data).decode(), "bytes": list(data),
        "signed": json.dumps([b - 256 if b > 127 else b for b in data]),
    }
    given = {"fsUploadIn": {"in": forms[form], "filename": "stmt.txt.zip", "fixmedins_code": "H37020000000"}}
    return str(hospital.ok("9101", given)["file_qury_no"])


@pytest.mark.parametrize("infno", sorted(LAYOUTS))
def test_a_directory_comes_as_a_zip_and_only_what_is_new(hospital: Hospital, infno: str) -> None:
    told = hospital.ok(infno, {"data": {"ver": "0"}})
    rows, layout = fetched(hospital, told, "plc"), LAYOUTS[infno]
    assert len(rows) == told["data_cnt"] > 0
    assert {len(row) for row in rows} == {layout.columns}
    assert {row[layout.valid] for row in rows} == {"1"}
    newest = max(row[layout.version] for row in rows)
    assert "没有更新" in hospital.no(infno, {"data": {"ver": newest}})


def test_a_changed_item_comes_alone_with_its_last_day(hospital: Hospital) -> None:
    layout = LAYOUTS["1305"]
    before = fetched(hospital, hospital.ok("1305", {"data": {"ver": "0"}}))
    hospital.act("change_item", code="K0006", end="2026-12-31")
    newest = max(row[layout.version] for row in before)
    (row,) = fetched(hospital, hospital.ok("1305", {"data": {"ver": newest}}))
    assert (row[layout.code], row[layout.end], row[layout.valid]) == (ITEMS["K0006"].national, "2026-12-31", "0")


def test_files_are_fetched_by_their_name_and_in_time(hospital: Hospital) -> None:
    told = hospital.ok("1305", {"data": {"ver": "0"}})
    ask = {"file_qury_no": told["file_qury_no"], "filename": "other", "fixmedins_code": "plc"}
    assert "文件名" in hospital.no("9102", {"fsDownloadIn": ask})
    assert "未查询到" in hospital.no("9102", {"fsDownloadIn": {**ask, "file_qury_no": "fsi/plc/none"}})
    assert raw(hospital, "9102", {"fsDownloadIn": {**ask, "filename": "plc"}})[0] == "application/octet-stream"
    hospital.clock.advance(4 * 86400)
    hospital.sign_in()
    assert "截止时间" in hospital.no("9102", {"fsDownloadIn": {**ask, "filename": "plc"}})


@pytest.mark.parametrize("infno", ["1304", "1312", "1316", "1317", "1318", "1319"])
def test_a_directory_by_pages(hospital: Hospital, infno: str) -> None:
    def page(number: int, size: int = 5) -> Any:
        asked = {"updt_time": "2023-01-01 00:00:00", "page_num": number, "page_size": size}
        return hospital.ok(infno, {"data": asked})

    first = page(1)
    total = {"1304": 0, "1318": 1}.get(infno, len(ITEMS))
    assert (first["recordCounts"], first["firstPage"], len(first["data"])) == (total, True, min(5, total))
    seen = [row for number in range(1, first["pages"] + 1) for row in page(number)["data"]]
    assert len(seen) == total
    too_many = {"data": {"updt_time": "2023-01-01", "page_num": 1, "page_size": 101}}
    assert "不能超过100" in hospital.no(infno, too_many)


def test_a_pairing_taken_back_stops_lines_of_that_item(hospital: Hospital) -> None:
    item = ITEMS["K0004"]
    key = {"fixmedins_hilist_id": item.code, "list_type": item.list_type, "med_list_codg": item.national}
    hospital.ok("3302", {"catalogcompin": {"fixmedins_code": "H37020000000", **key}})
    mdtrt_id = hospital.open_visit("P0001", "MZ1")
    line = hospital.line("P0001", mdtrt_id, "1", "K0004")
    assert "未与医保目录编码对照" in hospital.no("2204", {"feedetail": [line]})
    wrong = {**key, "fixmedins_hilist_name": item.name, "begndate": "2026-01-01", "enddate": "2025-01-01"}
    assert "结束日期" in hospital.no("3301", {"data": [wrong]})
    hospital.ok("3301", {"data": [{**wrong, "enddate": "2099-12-31"}]})
    hospital.ok("2204", {"feedetail": [line]})
    assert "未查询到" in hospital.no("3302", {"data": {"fixmedins_code": "H1", **key, "med_list_codg": "X"}})


def row_of(output: dict[str, Any], **more: str) -> tuple[str, ...]:
    info = output["setlinfo"]
    made = {
        "setl_id": info["setl_id"], "mdtrt_id": info["mdtrt_id"], "psn_no": info["psn_no"],
        "total": str(info["medfee_sumamt"]), "fund": str(info["fund_pay_sumamt"]), "account": str(info["acct_pay"]),
        "refunded": "0", **more,
    }
    return tuple(made.values())


@pytest.mark.parametrize("form", ["base64", "bytes", "signed"])
def test_the_statement_row_by_row(hospital: Hospital, form: str) -> None:
    same, other, missing = (
        hospital.settled(who, f"MZ{who}", "visit1")[1] for who in ("P0001", "P0003", "P0006")
    )
    ghost = ("900", "900", PEOPLE["P0001"].psn_no, "10.00", "0.00", "0.00", "0")
    rows = [row_of(same), row_of(other, total="1200.01"), ghost]
    asked = {
        "setl_optins": REGION, "file_qury_no": sent(hospital, rows, form), "stmt_begndate": "2026-11-22",
        "stmt_enddate": "2026-11-22", "medfee_sumamt": 2410.01, "fund_pay_sumamt": 125.0, "cash_payamt": 0,
        "fixmedins_setl_cnt": 3, "clr_type": "11",
    }
    told = fetched(hospital, hospital.ok("3202", {"data": asked})["fileinfo"])
    assert {row[2]: (row[4], row[3] != "") for row in told} == {
        same["setlinfo"]["setl_id"]: ("0", True), other["setlinfo"]["setl_id"]: ("3", True),
        missing["setlinfo"]["setl_id"]: ("1", True), "900": ("2", False),
    }
    assert next(row[3] for row in told if row[4] == "1") == missing["setlinfo"]["medins_setl_id"]
    hospital.act("set", statement_all_rows=False)
    assert len(fetched(hospital, hospital.ok("3202", {"data": asked})["fileinfo"])) == 3
    assert "不一致" in hospital.no("3202", {"data": {**asked, "fixmedins_setl_cnt": 2}})


def test_what_is_no_zip_is_refused(hospital: Hospital) -> None:
    def put(value: Any) -> str:
        given = {"in": value, "filename": "x", "fixmedins_code": "H37020000000"}
        return hospital.no("9101", {"fsUploadIn": given})

    assert "zip" in put(base64.b64encode(b"nothing").decode())
    assert "不能为空" in put("")
    assert "格式" in put("***")
    assert "格式" in put("[1,")


def ec(hospital: Hospital, code: str, **more: Any) -> dict[str, Any]:
    message = {
        "orgId": "H37020000000", "transType": "ec.query", "extra": {},
        "data": {"orgId": "H37020000000", "businessType": "01301", "operatorId": "K01", "ecQrCode": code}, **more,
    }
    answer = json.loads(hospital.post("/fsi/api/hsecfc/localQrCodeQuery", json.dumps(message).encode())[1])
    assert isinstance(answer, dict)
    return answer


def test_a_scanned_code_gives_a_token_that_names_the_person(hospital: Hospital) -> None:
    code = hospital.act("show_ec_code", person="P0001")["ecQrCode"]
    assert (len(code), code[-6:]) == (28, REGION)
    told = ec(hospital, code)
    assert (told["code"], told["data"]["insuOrg"], told["data"]["ecToken"][:6]) == (0, REGION, REGION)
    asked = {"mdtrt_cert_type": "01", "mdtrt_cert_no": told["data"]["ecToken"]}
    assert hospital.ok("1101", {"data": asked})["baseinfo"]["psn_no"] == PEOPLE["P0001"].psn_no
    assert ec(hospital, code)["success"] is False  # a code is for one use
    late = hospital.act("show_ec_code", person="P0001")["ecQrCode"]
    hospital.clock.advance(61)
    assert "失效" in ec(hospital, late)["message"]
    hospital.clock.advance(300)
    assert "失效" in hospital.no("1101", {"data": asked})


def test_a_code_of_another_kind_is_told_as_such(hospital: Hospital) -> None:
    assert ec(hospital, "134567890123456789") == {
        "message": "请使用医保电子凭证二维码", "success": False, "code": 500159,
    }
    assert ec(hospital, "1" * 28, transType="ec.other")["code"] == 500100
    assert ec(hospital, "1" * 28, orgId="X")["code"] == 500101
