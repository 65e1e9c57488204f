"""The transactions: each takes a checked call and answers its body, or refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from simulators.insurance.policy import terms_on
from simulators.insurance.rules import Amounts, line_amount, settle, split_line, used_after
from simulators.municipal.fields import Refusal, fen, yuan
from simulators.municipal.state import CYCLE_LIFE, Cycle, Platform, Remembered, Settled, Upload, Visit
from simulators.town import ADMDVS, DOCTORS, Person

_DOCTORS = frozenset(code for _, code, *_ in DOCTORS.values())
_LEVEL = "02"  # 三级甲等, as the national platform has this hospital


@dataclass(slots=True)
class Call:
    """One transaction: head and body checked, its cycle found (None for the sign-in)."""

    code: str
    serial: str
    operator: str
    body: dict[str, Any]
    cycle: Cycle | None
    note: Remembered  # what will be remembered under the serial number


def sign_in(platform: Platform, call: Call) -> dict[str, Any]:
    """9100: a new business cycle: hospital(6) + time(14) + serial(4) + operator; good for 24 hours."""
    platform.count += 1
    number = f"H37020{platform.world.stamp('%Y%m%d%H%M%S')}{platform.count % 10000:04d}{call.operator}"
    platform.cycles[number] = Cycle(number, call.operator, platform.world.now() + CYCLE_LIFE)
    return {"ywzqh": number}


def reconcile(platform: Platform, call: Call) -> dict[str, Any]:
    """9101: the operator's own count and sums of the cycle against ours."""
    assert call.cycle is not None
    mine = [one for one in platform.settlements.values() if one.state == "done"]
    count, total = len(mine), sum(one.amounts.split.total for one in mine)
    fund = sum(one.amounts.pool for one in mine)
    same = (call.body["bs"], fen(call.body["zje"]), fen(call.body["tczf"])) == (str(count), total, fund)
    if same:
        call.cycle.reconciled = call.cycle.changes
    return {"bs": str(count), "zje": yuan(total), "tczf": yuan(fund), "sfyz": "1" if same else "0"}


def sign_out(platform: Platform, call: Call) -> dict[str, Any]:
    """9110: only after the cycle was reconciled."""
    assert call.cycle is not None
    if call.cycle.reconciled != call.cycle.changes:
        raise Refusal("本周期尚未对账或对账后又有业务,不能签退")
    del platform.cycles[call.cycle.number]
    return {}


def _holder(platform: Platform, body: dict[str, Any]) -> Person:
    kind, number = body["klx"], body["kh"]
    found = {"1": platform.by_card, "2": platform.by_id_no}.get(kind, {}).get(number)
    if kind == "1" and found is not None and body["kxlh"] != found.card_sn:
        raise Refusal("卡识别码与社会保障卡不一致")
    if found is None or not found.insurance:
        raise Refusal("未查询到参保信息")
    return found


def person(platform: Platform, call: Call) -> dict[str, Any]:
    """2100: who it is, how insured, whether signed (签约) and whether in hospital; the names of dareway."""
    found = _holder(platform, call.body)
    row = platform.insurance(found)
    return {
        "grbh": found.psn_no, "ylzbh": found.card_no, "xm": found.name, "xb": found.gender, "shbzhm": found.id_no,
        "csrq": found.birth, "sbjbm": ADMDVS, "sbjglx": "A" if row and row.insutype == "310" else "B",
        "cbzt": "1" if row else "0", "ye": yuan(platform.balance(found)), "zfbz": "0",
        "mzddbz": "1" if platform.signed[found.psn_no] else "0",
        "zybz": "1" if found.psn_no in platform.stays else "0",
    }  # fmt: skip


def register(platform: Platform, call: Call) -> dict[str, Any]:
    """2210: a new visit."""
    body = call.body
    who = platform.by_number.get(body["grbh"])
    if who is None or _holder(platform, body) is not who:
        raise Refusal("个人编号与就诊凭证不是同一人")
    if platform.insurance(who) is None:
        raise Refusal("未正常参保")
    if body["ysbm"] not in _DOCTORS:
        raise Refusal(f"医师编码[{body['ysbm']}]未备案")
    if body["yltclb"] not in ("0", "6"):
        raise Refusal(f"医疗统筹类别[{body['yltclb']}]不正确")
    number = platform.number("MZ")
    row = platform.ledger.add("register", no=call.serial, party_no=number, state="open", ref=number)
    visit = Visit(number, who, body["yltclb"], body["ghsj"][:10], call.serial, row)
    platform.visits[number] = call.note.visit = visit
    return {"mzlsh": number, "grbh": who.psn_no}


def unregister(platform: Platform, call: Call) -> dict[str, Any]:
    """2240: an empty visit ends."""
    found = platform.visits.get(call.body["mzlsh"])
    if found is not None and not found.open:
        raise Refusal("该登记已撤销", -21)
    visit = platform.visit(call.body["mzlsh"])
    if visit.settlement is not None or visit.uploads:
        raise Refusal("该就诊有费用明细或已结算,不能撤销登记")
    _end_visit(platform, visit, "3")
    return {}


def _end_visit(platform: Platform, visit: Visit, state: str) -> None:
    visit.open = False
    platform.serials[visit.serial].state = state
    platform.ledger.change(visit.row, state="cancelled")


def upload(platform: Platform, call: Call) -> dict[str, Any]:
    """2310: all rows or none."""
    visit = platform.visit(call.body["mzlsh"])
    if visit.settlement is not None:
        raise Refusal("该就诊已结算,不能上传明细")
    known = visit.line_numbers()
    lines = {}
    for place, row in enumerate(call.body["row"], 1):
        item = platform.items.get(row["ylxmbm"])
        if item is None:
            raise Refusal(f"第{place}行: 医疗项目编码[{row['ylxmbm']}]不在目录中")
        if row["mxxh"] in known or row["mxxh"] in lines:
            raise Refusal(f"第{place}行: 明细序号[{row['mxxh']}]重复")
        if row["ysbm"] not in _DOCTORS:
            raise Refusal(f"第{place}行: 医师编码[{row['ysbm']}]未备案")
        quantity, price, amount = Decimal(row["sl"]), Decimal(row["dj"]), fen(row["zje"])
        if line_amount(quantity, price) != amount:
            raise Refusal(f"第{place}行: 金额不等于单价乘数量")
        lines[row["mxxh"]] = split_line(item, quantity, price, amount)
    total = sum(part.total for part in lines.values())
    row_ = platform.ledger.add(
        "upload", no=call.serial, party_no=visit.no, amount=total, state="uploaded", ref=visit.no
    )
    made = Upload(call.serial, lines, row_)
    visit.uploads[call.serial] = made
    call.note.visit, call.note.upload = visit, made
    return {"mzlsh": visit.no, "bs": str(len(lines)), "zje": yuan(total)}


def unload(platform: Platform, call: Call) -> dict[str, Any]:
    """2320: the lines of one upload, named by its serial number."""
    visit, serial = platform.visit(call.body["mzlsh"]), call.body["yjylsh"]
    if visit.settlement is not None:
        raise Refusal("该就诊已结算,不能撤销明细")
    if serial not in visit.uploads:
        raise Refusal("没有可撤销的明细", -22)
    _drop_upload(platform, visit, serial, "3")
    return {}


def _drop_upload(platform: Platform, visit: Visit, serial: str, state: str) -> None:
    gone = visit.uploads.pop(serial)
    platform.serials[serial].state = state
    platform.ledger.change(gone.row, state="deleted")


def _amounts(platform: Platform, visit: Visit, body: dict[str, Any]) -> Amounts:
    if visit.settlement is not None:
        raise Refusal("该就诊已结算,不能重复结算")
    whole = visit.total()
    if not visit.uploads:
        raise Refusal("没有可结算的费用明细")
    if fen(body["zje"]) != whole.total:
        raise Refusal(f"总金额与明细合计不一致,明细合计为{yuan(whole.total)}")
    if body["zhsybz"] not in ("0", "1"):
        raise Refusal("账户使用标志不正确")
    insurance = platform.insurance(visit.person)
    pooled = insurance is not None and visit.kind == "6" and platform.signed[visit.person.psn_no] \
        and visit.person.psn_no not in platform.stays  # fmt: skip
    terms = terms_on(platform.policies, visit.day, insurance.insutype, _LEVEL) if pooled and insurance else None
    used = platform.counters(visit.person, platform.world.stamp("%Y"))
    return settle(
        whole, terms, used, use_account=body["zhsybz"] == "1", balance=platform.balance(visit.person)
    )


def told(a: Amounts) -> dict[str, str]:
    """Amounts in yuan: zje = zfje + cxje + xxzfje + fhzcje, and zje = tczf + grzhzf + xjzf."""
    s = a.split
    return {
        "zje": yuan(s.total), "zfje": yuan(s.own), "cxje": yuan(s.over), "xxzfje": yuan(s.first),
        "fhzcje": yuan(s.scope), "qfje": yuan(a.deductible), "tczf": yuan(a.pool), "dezf": yuan(0),
        "ybfdje": yuan(a.pool), "grzhzf": yuan(a.account), "xjzf": yuan(a.cash), "brfdje": yuan(a.person),
        "ye": yuan(a.balance),
    }  # fmt: skip


def quote(platform: Platform, call: Call) -> dict[str, Any]:
    """2420: the amounts of now; nothing is kept."""
    visit = platform.visit(call.body["mzlsh"])
    return {"mzlsh": visit.no, **told(_amounts(platform, visit, call.body))}


def conclude(platform: Platform, call: Call) -> dict[str, Any]:
    """2410: settle at the amounts that were quoted; others are refused."""
    visit = platform.visit(call.body["mzlsh"])
    amounts = _amounts(platform, visit, call.body)
    quoted = tuple(fen(call.body[name]) for name in ("tczf", "grzhzf", "xjzf"))
    if quoted != (amounts.pool, amounts.account, amounts.cash):
        raise Refusal("结算金额与预结算不一致,请重新预结算")
    number, year = platform.number("JS"), platform.world.stamp("%Y")
    row = platform.ledger.add_settlement("settle", amounts, no=call.serial, party_no=number, bill="", ref=visit.no)
    made = Settled(number, visit, amounts, year, platform.world.stamp(), call.serial, row)
    visit.settlement = platform.settlements[number] = call.note.settlement = made
    call.note.visit = visit
    _apply(platform, made, 1)
    if call.cycle is not None:
        call.cycle.changes += 1
    return _settled(made)


def _settled(made: Settled) -> dict[str, Any]:
    return {"mzlsh": made.visit.no, "brjsh": made.no, "jssj": made.at, **told(made.amounts)}


def _apply(platform: Platform, made: Settled, sign: int) -> None:
    who = made.visit.person
    amounts = made.amounts if sign > 0 else made.amounts.negative(0)
    platform.used[who.psn_no, made.year] = used_after(platform.counters(who, made.year), amounts)
    platform.balances[who.psn_no] = platform.balance(who) - amounts.account


def cancel(platform: Platform, call: Call) -> dict[str, Any]:
    """2430: a settlement is taken back; counters and account are given back."""
    found = platform.settlements.get(call.body["brjsh"])
    if found is None or found.visit.no != call.body["mzlsh"]:
        raise Refusal(f"未查询到结算[{call.body['brjsh']}]", -20)
    if found.state != "done":
        raise Refusal("该结算已撤销或已冲正", -21)
    _take_back(platform, found, "cancelled", "3")
    platform.ledger.add_settlement(
        "cancel", found.amounts.negative(platform.balance(found.visit.person)), no=call.serial, party_no=found.no,
        bill="", ref=found.visit.no,
    )
    if call.cycle is not None:
        call.cycle.changes += 1
    return {"brjsh": found.no, "zje": yuan(-found.amounts.split.total)}


def _take_back(platform: Platform, found: Settled, state: str, told_as: str) -> None:
    _apply(platform, found, -1)
    found.state, found.visit.settlement = state, None
    platform.serials[found.serial].state = told_as
    platform.ledger.change(found.row, state=state)


def reverse(platform: Platform, call: Call) -> dict[str, Any]:
    """2421 冲正: that serial number has no effect now and will have none."""
    serial, code = call.body["yjylsh"], call.body["yjybh"]
    if code not in REVERSIBLE:
        raise Refusal(f"交易[{code}]不支持冲正")
    done = platform.serials.get(serial)
    if done is not None and done.code != code:
        raise Refusal("原交易编号不一致")
    if serial in platform.buried:
        return {}
    if done is None or done.state == "9":
        if platform.reverse_of_unknown == "error":
            raise Refusal("未找到原交易", -20)
    elif done.state == "1":
        _reverse_done(platform, done)
    elif done.state == "3":
        raise Refusal("原交易已撤销", -21)
    platform.buried.add(serial)
    platform.ledger.add("reverse", no=call.serial, ref=serial)
    return {}


def _reverse_done(platform: Platform, done: Remembered) -> None:
    if done.settlement is not None:
        _take_back(platform, done.settlement, "reversed", "2")
    elif done.upload is not None and done.visit is not None:
        if done.visit.settlement is not None:
            raise Refusal("该就诊已结算,不能冲正明细")
        _drop_upload(platform, done.visit, done.upload.serial, "2")
    elif done.visit is not None:
        if done.visit.uploads or done.visit.settlement:
            raise Refusal("该就诊有费用明细或已结算,不能冲正登记")
        _end_visit(platform, done.visit, "2")


def query(platform: Platform, call: Call) -> dict[str, Any]:
    """2450: what became of a serial number. jyzt: 0 没有, 1 成功, 2 已冲正, 3 已撤销; a refused one is 0."""
    serial = call.body["yjylsh"]
    done = platform.serials.get(serial)
    if done is None or done.state == "9":
        return {"yjylsh": serial, "jyzt": "2" if serial in platform.buried else "0"}
    found = {"yjylsh": serial, "jyzt": done.state, "yjybh": done.code}
    if done.settlement is not None:
        return {**found, **_settled(done.settlement)}
    if done.visit is not None:
        found["mzlsh"] = done.visit.no
    return found


@dataclass(frozen=True)
class Transaction:
    """`changes`: it is remembered under its serial number, and its repeat gets the stored answer."""

    title: str
    run: Callable[[Platform, Call], dict[str, Any]]
    changes: bool = False
    needs_cycle: bool = True


TRANSACTIONS: dict[str, Transaction] = {
    "9100": Transaction("签到", sign_in, needs_cycle=False),
    "9101": Transaction("操作员对账", reconcile),
    "9110": Transaction("签退", sign_out),
    "2100": Transaction("读取人员信息", person),
    "2210": Transaction("门诊登记", register, changes=True),
    "2240": Transaction("门诊登记撤销", unregister, changes=True),
    "2310": Transaction("明细上传", upload, changes=True),
    "2320": Transaction("明细撤销", unload, changes=True),
    "2420": Transaction("预结算", quote),
    "2410": Transaction("结算", conclude, changes=True),
    "2430": Transaction("结算撤销", cancel, changes=True),
    "2421": Transaction("冲正", reverse, changes=True),
    "2450": Transaction("交易结果查询", query),
}
REVERSIBLE = frozenset({"2210", "2310", "2410"})
