"""The invented town all simulators share: persons, insurance standing, price list, bills.

Every party tells the same story about the same person, as in life; no party asks another.
All identifiers are invented; id numbers carry a valid check digit (GB 11643).
"""

from __future__ import annotations

from dataclasses import dataclass, field

FIXMEDINS_CODE = "H37020000000"
FIXMEDINS_NAME = "模拟口腔医院"
ADMDVS = "370200"

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def id_number(first17: str) -> str:
    """An id number with its check digit, from the first seventeen digits (GB 11643)."""
    total = sum(int(d) * w for d, w in zip(first17, _WEIGHTS, strict=True))
    return first17 + "10X98765432"[total % 11]


@dataclass(frozen=True)
class Insurance:
    """One row of 1101 `insuinfo`."""

    insutype: str  # 310 职工, 390 居民
    psn_type: str
    status: str  # 1 正常, 2 暂停, 4 终止
    balance_fen: int = 0


@dataclass(frozen=True)
class Person:
    """A patient of the town; `id` is the HIS patient number, `psn_no` the insurance one."""

    id: str
    name: str
    id_no: str
    gender: str  # 1 男, 2 女
    birth: str  # yyyy-MM-dd
    phone: str
    psn_no: str
    card_no: str  # 社保卡号
    card_sn: str  # 卡识别码
    insurance: tuple[Insurance, ...] = ()
    signed_with: str = ""  # fixmedins_code of the institution signed with, empty: 未签约
    signed_name: str = ""
    signed_from: str = "2026-01-05"
    in_hospital: bool = False
    day_ward: bool = False


_EMPLOYEE = Insurance("310", "1101", "1", 32050)
_STOPPED_EMPLOYEE = Insurance("310", "1101", "4")
_RESIDENT = Insurance("390", "1501", "1")
_STOPPED_RESIDENT = Insurance("390", "1501", "4")
_COMMUNITY = {"signed_with": "H37020000099", "signed_name": "模拟社区卫生服务中心"}


def _person(n: int, name: str, gender: str, birth: str, **more: object) -> Person:
    return Person(
        id=f"P{n:04d}",
        name=name,
        id_no=id_number(f"370202{birth.replace('-', '')}{n % 100:02d}{1 if gender == '1' else 2}"),
        gender=gender,
        birth=birth,
        phone=f"1390000{n:04d}",
        psn_no=f"370200000000000000010{n:05d}",
        card_no=f"A1234{5677 + n:04d}",
        card_sn=f"SIMSN{n:04d}",
        **more,  # type: ignore[arg-type]  # the keywords are Person's own fields
    )


PERSONS: tuple[Person, ...] = (
    _person(1, "测试甲", "1", "1980-03-12", insurance=(_EMPLOYEE, _STOPPED_RESIDENT), **_COMMUNITY),
    _person(2, "测试乙", "2", "1956-07-30", insurance=(_STOPPED_EMPLOYEE, _RESIDENT), **_COMMUNITY),
    _person(3, "测试丙", "1", "1991-11-02", insurance=(_EMPLOYEE,)),  # not signed
    _person(4, "测试丁", "2", "1975-05-19", insurance=(_EMPLOYEE,), in_hospital=True, **_COMMUNITY),
    _person(5, "测试戊", "1", "2001-09-08"),  # self-pay, no insurance at all
    _person(6, "测试己", "2", "1988-01-23", insurance=(_EMPLOYEE,), **_COMMUNITY),
    _person(7, "测试庚", "1", "1969-12-11", insurance=(_EMPLOYEE,), day_ward=True, **_COMMUNITY),
    _person(8, "测试𠮷", "2", "1995-06-27", insurance=(_EMPLOYEE,), **_COMMUNITY),  # rare name
)
# A crowd of signed employees for load, seeds and anything that wants a fresh person each time.
CROWD: tuple[Person, ...] = tuple(
    _person(n, f"测试{n:04d}", "1", f"19{60 + n // 100}-04-04", insurance=(_EMPLOYEE,), **_COMMUNITY)
    for n in range(100, 1000)
)


def everybody() -> dict[str, Person]:
    """All persons by HIS patient number."""
    return {p.id: p for p in PERSONS + CROWD}


@dataclass(frozen=True)
class Item:
    """A row of the hospital's price list; `level` is chrgitm_lv as the insurance sees it."""

    code: str  # medins_list_codg, the hospital's own code
    name: str
    national: str  # med_list_codg
    list_type: str  # 101 西药, 201 服务项目, 301 耗材
    charge_type: str  # med_chrgitm_type
    unit: str
    price_fen: int
    level: str  # 01 甲, 02 乙 (first self-pay), 03 丙 (own pay)
    first_self_pay_bp: int = 0  # share of a 乙 line the person pays first, in 1/10000
    cap_fen: int = 99999900  # price cap: above it the person pays


ITEMS: tuple[Item, ...] = (
    Item("K0001", "根管治疗", "003105100010000", "201", "05", "根管", 40000, "01"),
    Item("K0002", "牙片", "002101020010000", "201", "03", "张", 2500, "01"),
    Item("K0003", "拔牙", "003306040010000", "201", "06", "颗", 15000, "01"),
    Item("K0004", "补牙", "003105110010000", "201", "05", "洞", 20000, "01"),
    Item("K0005", "龈下刮治", "003105130020000", "201", "05", "牙", 5000, "01"),
    Item("K0006", "门诊小手术", "003306000000000", "201", "06", "次", 30000, "01"),
    Item("K0007", "血常规化验", "002501010150000", "201", "04", "次", 2000, "01"),
    Item("K0008", "阿莫西林胶囊", "XJ01CAA040E001010100001", "101", "09", "盒", 25000, "02", 2000),
    Item("K0101", "洗牙", "003105130010000", "201", "05", "次", 10000, "03"),
    Item("K0102", "种植体植入", "003306090010000", "201", "06", "颗", 500000, "03"),
    Item("K0103", "正畸矫治", "003105220010000", "201", "05", "次", 800000, "03"),
    Item("K0201", "进口充填材料", "C0301011170000000001", "301", "08", "份", 30000, "01", 0, 25000),
    Item("G0001", "挂号费", "001101000010000", "201", "13", "次", 500, "03"),
    Item("G0002", "普通门诊诊察费", "001102000010000", "201", "02", "次", 1000, "01"),
)
REGISTRATION = ("G0001", "G0002")  # what every registration costs, by code


def price_list() -> dict[str, Item]:
    """The price list by the hospital's own code."""
    return {i.code: i for i in ITEMS}


@dataclass(frozen=True)
class Line:
    item: str
    qty: str = "1"  # up to four decimals, as text


@dataclass(frozen=True)
class Template:
    """A bill as the doctor would write it."""

    name: str
    lines: tuple[Line, ...] = field(default=())
    icd: str = "K04.001"
    icd_name: str = "急性牙髓炎"


# `visit1` is the worked example: total 1200.00, own paid 100.00 (洗牙), first self-pay 50.00
# (20 % of 阿莫西林 250.00), in scope 1050.00.
TEMPLATES: dict[str, Template] = {
    t.name: t
    for t in (
        Template("visit1", (Line("K0001", "2"), Line("K0008"), Line("K0101"), Line("K0002", "2"))),
        Template("visit2", (Line("K0001"), Line("K0005", "2"))),  # 500.00, all in scope
        Template("visit3", (Line("K0001", "5"), Line("K0006", "3"), Line("K0007", "5"))),  # 3000.00
        Template("visit4", (Line("K0004"),)),  # 200.00
        Template("small", (Line("K0002"), Line("K0007"))),  # 45.00
        Template("uncovered", (Line("K0101"), Line("K0102"))),
        Template("no_diagnosis", (Line("K0004"),), icd="", icd_name=""),
    )
}

DOCTORS = {  # HIS id -> (name, national code, dept, dept name, caty)
    "D01": ("模拟医师一", "D370200000001", "KQ01", "牙体牙髓科", "A12"),
    "D02": ("模拟医师二", "D370200000002", "KQ02", "口腔颌面外科", "A12"),
}
