"""13xx 目录: files by version (1301–1315 with gaps), and pages (1304, 1312, 1316–1319); 3301, 3302 对照."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from simulators.insurance import dictionary
from simulators.insurance.envelope import Call
from simulators.insurance.fields import Refusal, fields, node, rows
from simulators.insurance.files import offer
from simulators.insurance.money import number, share
from simulators.insurance.state import Bureau
from simulators.town import ADMDVS, FIXMEDINS_CODE, Item

FIRST_VERSION = "F001_20230101000000_A"
FIRST_DAY = "2023-01-01"
FOREVER = "2099-12-31"
_1301 = fields("ver C40 Y")
_PAGED = fields(
    "updt_time DT Y; page_num N10,0 Y; page_size N10,0 Y; hilist_code C50 N; med_list_codg C50 N; insu_admdvs C6 N;"
    "medins_list_codg C150 N; fixmedins_code C30 N; query_date D N; list_type C3 N"
)
_3301 = fields(
    "fixmedins_hilist_id C30 Y; fixmedins_hilist_name C200 Y; list_type C3 Y; med_list_codg C50 Y; begndate D Y;"
    "enddate D Y; aprvno C100 N; dosform C200 N; exct_cont C2000 N; item_cont C2000 N; prcunt C30 N; spec C200 N;"
    "pacspec C100 N; memo C500 N"
)
_3302 = fields("fixmedins_code C30 Y; fixmedins_hilist_id C30 Y; list_type C3 Y; med_list_codg C50 Y")
MAX_PAGE = 100


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things stand in a directory's rows (from 0; -1: that directory has none)."""

    columns: int
    code: int
    name: int
    valid: int
    serial: int
    version: int
    begin: int = -1
    end: int = -1


# 1301–1303 and 1305–1307 as clients read them; the dates of 1301, 1303, 1306 and all other lists are this town's own.
LAYOUTS: dict[str, Layout] = {
    "1301": Layout(97, 0, 1, 78, 79, 82, 36, 37), "1302": Layout(33, 0, 1, 13, 14, 17, 11, 12),
    "1303": Layout(85, 0, 1, 64, 67, 70, 36, 37), "1305": Layout(20, 0, 9, 6, 13, 14, 11, 12),
    "1306": Layout(71, 0, 1, 67, 68, 69, 39, 40), "1307": Layout(24, 10, 11, 18, 19, 22),
    "1308": Layout(24, 10, 11, 18, 19, 22), "1309": Layout(14, 0, 1, 5, 6, 9), "1310": Layout(12, 1, 2, 6, 7, 10),
    "1311": Layout(12, 1, 2, 3, 4, 9), "1313": Layout(12, 1, 2, 7, 8, 11), "1314": Layout(20, 5, 6, 10, 11, 14),
    "1315": Layout(20, 5, 6, 10, 11, 14),
}  # fmt: skip
Row = tuple[str, str, str, str, str]  # code, name, version, begin, end ("" while it holds)

_DISEASES = (
    ("K02.900", "龋病"), ("K04.001", "急性牙髓炎"), ("K04.500", "慢性根尖周炎"), ("K05.300", "慢性牙周炎"),
    ("K08.101", "牙列缺损"), ("I10.x00", "特发性(原发性)高血压"), ("E11.900", "2型糖尿病"),
)
_OTHERS: dict[str, tuple[tuple[str, str], ...]] = {
    "1302": (("T001700001", "甘草"),), "1303": (("ZA0001", "模拟含漱液"),), "1307": _DISEASES,
    "1308": (("23.0900x001", "拔牙术"), ("24.1200", "牙龈活组织检查")),
    "1309": (("M03900", "高血压"), ("M01600", "糖尿病")), "1310": (("B0001", "牙髓炎按病种付费"),),
    "1311": (("R0001", "颌骨囊肿日间手术"),), "1313": (("M80700/3", "鳞状细胞癌"),),
    "1314": (("A08.01", "牙痛病"),), "1315": (("B01.01", "胃火证"),),
}
_LIST_OF = {"101": "1301", "102": "1301", "201": "1305", "301": "1306"}


def directory(infno: str) -> Callable[[Bureau, Call], object]:
    """The transaction of one directory: rows newer than `ver` (0: all) as a file to fetch."""

    def run(bureau: Bureau, call: Call) -> object:
        since = node(call.input, "data", _1301)["ver"]
        found = [row for row in sorted(_rows(bureau, infno), key=lambda row: row[2]) if since == "0" or row[2] > since]
        if not found:
            raise Refusal(f"目录[{infno}]在版本[{since}]之后没有更新", 1301)
        layout = LAYOUTS[infno]
        return {**offer(bureau, [_line(infno, layout, row) for row in found], "fsi/plc/"), "data_cnt": len(found)}

    return run


def _rows(bureau: Bureau, infno: str) -> Iterable[Row]:
    for code, name in _OTHERS.get(infno, ()):
        yield code, name, FIRST_VERSION, FIRST_DAY, ""
    for item in bureau.items.values():
        if _LIST_OF.get(item.list_type) == infno:
            version, end = bureau.versions.get(item.national, (FIRST_VERSION, ""))
            yield item.national, item.name, version, FIRST_DAY, end


def _line(infno: str, layout: Layout, row: Row) -> tuple[str, ...]:
    code, name, version, begin, end = row
    made = [""] * layout.columns
    for place, text in (
        (layout.code, code), (layout.name, name), (layout.valid, "0" if end else "1"),
        (layout.serial, f"RID{infno}{code}"), (layout.version, version), (layout.begin, begin), (layout.end, end),
    ):
        if place >= 0:
            made[place] = text
    return tuple(made)


def _page(found: list[dict[str, Any]], asked: Mapping[str, Any]) -> dict[str, Any]:
    size, page = int(asked["page_size"]), int(asked["page_num"])
    if not 1 <= size <= MAX_PAGE or page < 1:
        raise Refusal(f"每页条数不能超过{MAX_PAGE}", 1312)
    part = found[(page - 1) * size : page * size]
    return {
        "data": part, "recordCounts": len(found), "startRow": (page - 1) * size + 1,
        "endRow": (page - 1) * size + len(part), "firstPage": page == 1, "lastPage": page * size >= len(found),
        "pages": -(-len(found) // size), "size": len(part),
    }


def _paged(make: Callable[[Bureau, Item], dict[str, Any] | None]) -> Callable[[Bureau, Call], object]:
    def run(bureau: Bureau, call: Call) -> object:
        asked = node(call.input, "data", _PAGED)
        made = [
            row for item in bureau.items.values()
            if asked["hilist_code"] in ("", item.national) and asked["med_list_codg"] in ("", item.national)
            and asked["medins_list_codg"] in ("", item.code) and asked["list_type"] in ("", item.list_type)
            and (row := make(bureau, item)) is not None
        ]
        return _page(made, asked)

    return run


def _held(bureau: Bureau, item: Item) -> dict[str, Any]:
    end = bureau.versions.get(item.national, ("", ""))[1]
    return {"begndate": FIRST_DAY, "enddate": end or FOREVER, "vali_flag": "0" if end else "1"}


def _hilist(bureau: Bureau, item: Item) -> dict[str, Any]:
    return {
        "hilist_code": item.national, "hilist_name": item.name, "insu_admdvs": ADMDVS, **_held(bureau, item),
        "med_chrgitm_type": item.charge_type, "chrgitm_lv": item.level, "lmt_used_flag": "0",
        "list_type": item.list_type, "med_use_flag": "1", "matn_used_flag": "0",
    }


def _matched(bureau: Bureau, item: Item) -> dict[str, Any]:
    return {
        "med_list_codg": item.national, "hilist_code": item.national, "list_type": item.list_type,
        "insu_admdvs": ADMDVS, **_held(bureau, item),
    }


def _paired(bureau: Bureau, item: Item) -> dict[str, Any]:
    return {
        "fixmedins_code": FIXMEDINS_CODE, "medins_list_codg": item.code, "medins_list_name": item.name,
        "med_list_codg": item.national, "list_type": item.list_type, **_held(bureau, item),
    }


def _limit(bureau: Bureau, item: Item) -> dict[str, Any] | None:
    if item.cap_fen >= 99999900:
        return None
    return {
        "hilist_code": item.national, "hilist_lmtpric_type": "101", "overlmt_dspo_way": "01", "insu_admdvs": ADMDVS,
        "hilist_pric_uplmt_amt": number(Decimal(item.cap_fen).scaleb(-2)), **_held(bureau, item),
    }


def _first_self_pay(bureau: Bureau, item: Item) -> dict[str, Any]:
    own = item.level == "03"
    return {
        "hilist_code": item.national, "selfpay_prop_psn_type": "310", "selfpay_prop_type": "101",
        "selfpay_prop": share(10000 if own else item.first_self_pay_bp), "insu_admdvs": ADMDVS, **_held(bureau, item),
    }


def _no_ethnic(bureau: Bureau, item: Item) -> None:
    return None


PAGES: dict[str, Callable[[Bureau, Call], object]] = {
    "1304": _paged(_no_ethnic), "1312": _paged(_hilist), "1316": _paged(_matched), "1317": _paged(_paired),
    "1318": _paged(_limit), "1319": _paged(_first_self_pay),
}


def pair(bureau: Bureau, call: Call) -> object:
    """3301: the hospital's codes against the national ones, all or none."""
    sent = rows(call.input, "data", _3301, "fixmedins_hilist_id")
    for place, row in enumerate(sent, 1):
        label = f"第{place}行[{row['fixmedins_hilist_id']}]"
        item = bureau.items.get(row["med_list_codg"])
        if item is None:
            raise Refusal(f"{label}医保目录编码[{row['med_list_codg']}]不存在", 3301)
        if row["list_type"] not in dictionary.TYPES["LIST_TYPE"] or row["list_type"] != item.list_type:
            raise Refusal(f"{label}目录类别[{row['list_type']}]不正确", 3301)
        if row["enddate"] < row["begndate"]:
            raise Refusal(f"{label}结束日期不能早于开始日期", 3301)
    for row in sent:
        bureau.pairs[row["fixmedins_hilist_id"], row["list_type"]] = dict(row)
    return None


def unpair(bureau: Bureau, call: Call) -> object:
    """3302: take a pairing back. The node is `data` or `catalogcompin`, whichever the province's document prints."""
    name = "catalogcompin" if "catalogcompin" in call.input else "data"
    asked = node(call.input, name, _3302)
    key = (asked["fixmedins_hilist_id"], asked["list_type"])
    found = bureau.pairs.get(key)
    if found is None or found["med_list_codg"] != asked["med_list_codg"]:
        raise Refusal(f"未查询到医药机构目录[{asked['fixmedins_hilist_id']}]的对照信息", 3302)
    del bureau.pairs[key]
    return None
