"""The parties' ledgers against each other, whatever platform took the money: each check is a sentence about money."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from tests.rig.lab import Lab

PAY = ("wechat", "alipay", "unionpay")
INSURERS = ("insurance", "municipal", "qingdao", "mobile_pay")


def kept(lab: Lab) -> int:
    """What the payment platforms took and did not give back, fen; by phone the insurance's platform takes the cash."""
    total = sum(row["cash"] for row in _live(lab, ("mobile_pay",), "settle"))
    for party in PAY:
        total += sum(row["amount"] for row in lab.ledger(party, "charge"))
        total -= sum(row["amount"] for row in lab.ledger(party, "reverse"))
        total -= sum(row["amount"] for row in lab.ledger(party, "refund") if row["state"] in ("done", "processing"))
    return total


def _live(lab: Lab, parties: Iterable[str], kind: str, state: str = "done") -> list[dict[str, Any]]:
    return [row for party in parties for row in lab.ledger(party, kind) if row["state"] == state]


def judge(lab: Lab, no: str, state: str, tasks: tuple[str, ...]) -> list[str]:
    """Everything that is wrong at rest, in words."""
    booked, settled = _live(lab, ("his",), "book"), _live(lab, INSURERS, "settle")
    issued, locks = _live(lab, ("einvoice",), "issue"), _live(lab, ("his",), "lock", "live")
    if state == "settled":
        flaws = [] if len(booked) == 1 else [f"{len(booked)} live bookings"]
        flaws += [] if len(settled) == 1 else [f"{len(settled)} live insurance settlements"]
        if booked and settled:
            cash = int(booked[0]["ref"])
            if (booked[0]["amount"], cash) != (settled[0]["amount"], settled[0]["cash"]):
                flaws.append("HIS and insurance differ")
            if kept(lab) != cash:
                flaws.append(f"{kept(lab)} fen kept, {cash} due")
            if [row["amount"] for row in issued] != [booked[0]["amount"]] and "final_refused" not in tasks:
                flaws.append(f"invoices {[row['amount'] for row in issued]}")
        return flaws + (["the bill is still locked"] if locks else [])
    if state in ("undone", "rejected"):
        uploads = _live(lab, INSURERS, "upload", "uploaded") + _live(lab, ("mobile_pay",), "order", "open")
        left = {
            f"{kept(lab)} fen kept": kept(lab), "booked at the HIS": booked, "settled with the insurance": settled,
            "an invoice stands": issued, "the bill is still locked": locks, "fee lines or an order are left": uploads,
        }  # fmt: skip
        return [text for text, found in left.items() if found]
    if state == "manual":
        return [] if tasks else ["a person is needed, but there is no open task"]
    return [f"not at rest: {state}"]


def judge_registration(lab: Lab, no: str, state: str, tasks: tuple[str, ...]) -> list[str]:
    """As `judge`, of a registration: its place in the doctor's list and its visit at the insurance stand with it."""
    flaws = judge(lab, no, state, tasks)
    if state not in ("settled", "undone", "rejected"):
        return flaws
    registry: Any = lab.parties["his"].registry  # type: ignore[attr-defined]  # the simulator's own memory
    taken = 5 - registry.schedules["D01-AM"].left
    visits = _live(lab, ("insurance",), "register", "open")
    stands = state == "settled"
    flaws += [] if taken == stands else [f"{taken} places taken"]
    flaws += [] if len(visits) == stands else [f"{len(visits)} visits open at the insurance"]
    flaws += [f"{len(registry.held)} places held"] if registry.held else []
    return flaws


def judge_claims(lab: Lab, state: str, tasks: tuple[str, ...]) -> list[str]:
    """The same where a commercial insurer pays a part and the rest is cash at the terminal."""
    booked, settled, claims = (_live(lab, (party,), kind) for party, kind in (
        ("his", "book"), ("insurance", "settle"), ("commercial", "settle"),
    ))  # fmt: skip
    paid = sum(row["amount"] for row in claims)
    counted = lab.parties["commercial"].book.policies["CP0001"].paid  # type: ignore[attr-defined]  # the insurer's own
    flaws = [] if counted == paid else [f"the policy counts {counted}, claims are {paid}"]
    if any(row["state"] == "processing" for row in lab.ledger("commercial", "settle")):
        flaws.append("a claim is still under review")
    if state == "settled":
        flaws += [] if (len(booked), len(settled)) == (1, 1) else [f"{len(booked)} booked, {len(settled)} insured"]
        flaws += [] if len(claims) <= 1 else [f"{len(claims)} live claims"]
        if booked and settled and int(booked[0]["ref"]) != settled[0]["cash"] - paid:
            flaws.append(f"{booked[0]['ref']} collected, {settled[0]['cash']} left by the insurance, claims {paid}")
    elif state in ("undone", "rejected"):
        left = {"booked at the HIS": booked, "settled with the insurance": settled, "a claim stands": claims}
        flaws += [text for text, found in left.items() if found]
    elif not tasks:
        flaws.append("a person is needed, but there is no open task")
    if state != "manual" and _live(lab, ("his",), "lock", "live"):
        flaws.append("the bill is still locked")
    return flaws


def judge_cash(lab: Lab, vendor: str, state: str, tasks: tuple[str, ...]) -> list[str]:
    """As `judge`, where a former interface insures and the terminal collects the cash: what the year's counter and the
    account of the insured have lost is what the one settlement that stands took, and nothing waits half done."""
    sim: Any = lab.parties[vendor]
    booked, settled = _live(lab, ("his",), "book"), _live(lab, (vendor,), "settle")
    insured = sim.platform.people["P0001"]
    used = sim.platform.counters(insured, sim.world.stamp("%Y")).fund
    opening = sum(row.balance_fen for row in insured.insurance if row.status == "1")
    taken = {"fund": used, "account": opening - sim.platform.balance(insured)}
    flaws = [
        f"{part} used: {fen}, settled: {sum(row[part] for row in settled)}"
        for part, fen in taken.items() if fen != sum(row[part] for row in settled)
    ]  # fmt: skip
    if state == "manual":
        return flaws + ([] if tasks else ["a person is needed, but there is no open task"])
    if state not in ("settled", "undone", "rejected"):
        return [*flaws, f"not at rest: {state}"]
    if state == "settled":
        flaws += [] if (len(booked), len(settled)) == (1, 1) else [f"{len(booked)} booked, {len(settled)} insured"]
        sides = [(row["amount"], int(row["ref"])) for row in booked], [(row["amount"], row["cash"]) for row in settled]
        flaws += [] if sides[0] == sides[1] else ["HIS and insurance differ"]
        left: dict[str, Any] = {}
    else:
        left = {
            "booked at the HIS": booked, "settled with the insurance": settled,
            "fee lines are left": _live(lab, (vendor,), "upload", "uploaded"),
            "a visit is left open": _live(lab, (vendor,), "register", "open"),
        }  # fmt: skip
    left["the bill is still locked"] = _live(lab, ("his",), "lock", "live")
    left["a settlement waits for its confirmation"] = [
        one for one in getattr(sim, "prepared", {}).values() if one.state == "open"
    ]
    return flaws + [text for text, found in left.items() if found]


NEVER_SENT = frozenset({"refuse_business", "black_list"})  # a clear no: a dead letter, and no message


def judge_messages(lab: Lab, state: str, order: Mapping[str, Any]) -> list[str]:
    """One short message about having paid, and one about the money that came back: never two, and none too few."""
    sent = Counter(row["ref"] for row in lab.ledger("sms", "message"))
    wanted = {"SMS_SETTLED": 1, "SMS_BACK": 1 if state == "undone" else 0}
    no = order.get("op") == "SendSms" and order.get("fault") in NEVER_SENT
    flaws = [f"{sent[code]} of {code}" for code, most in wanted.items() if sent[code] > most]
    return flaws + ([] if sum(sent.values()) == sum(wanted.values()) - no else [f"{dict(sent)} sent, wanted {wanted}"])


def judge_notices(lab: Lab, no: str, order: Mapping[str, Any], dead: int) -> list[str]:
    """The HIS was told of the settlement once; after a clear no (`dead` letters) never."""
    told = [(row["no"], row["amount"]) for row in lab.ledger("his", "notice")]
    refused = int(order.get("op") == "DFT^P03" and order.get("fault") == "ack_ar")
    flaws = [] if told == [(no, 120_000)] * (1 - refused) else [f"the HIS was told {told}"]
    return flaws + ([] if dead == refused else [f"{dead} dead letters"])


def judge_stay(lab: Lab, part: str, no: str, state: str, tasks: tuple[str, ...], stay: Any) -> list[str]:
    """As `judge`, of a patient who stays: what the platforms keep is what his deposits at the HIS hold, HIS and
    insurance agree on who is in hospital. `part`: what `no` is, admission, deposit, or stay (a discharge)."""
    if state == "manual":
        return [] if tasks else ["a person is needed, but there is no open task"]
    if state not in ("settled", "undone", "rejected"):
        return [f"not at rest: {state}"]
    booked, settled = _live(lab, ("his",), "book"), _live(lab, INSURERS, "settle")
    deposits = sum(one.left for one in stay.deposits) if stay is not None else 0
    mine = [row for row in _live(lab, ("einvoice",), "issue") if row["no"] == f"{no}E1"]
    flaws = _agreed(lab, part, state, stay, discharged=bool(booked))
    if kept(lab) != deposits:
        flaws.append(f"{kept(lab)} fen kept, the deposits hold {deposits}")
    if part == "deposit" and state == "settled" and [one.no for one in stay.deposits if one.left] != [no]:
        flaws.append(f"deposits {[one.no for one in stay.deposits]}")
    if part == "stay" and state == "settled":
        if (len(booked), len(settled)) != (1, 1):
            flaws.append(f"{len(booked)} live bookings, {len(settled)} live insurance settlements")
        elif (booked[0]["amount"], int(booked[0]["ref"])) != (settled[0]["amount"], settled[0]["cash"]):
            flaws.append("HIS and insurance differ")
        elif [row["amount"] for row in mine] != [booked[0]["amount"]] and "final_refused" not in tasks:
            flaws.append(f"invoices {[row['amount'] for row in mine]}")
        if stay.left() and "final_refused" not in tasks:
            flaws.append(f"{stay.left()} fen of the deposits did not go back")
    else:
        left = {"booked at the HIS": booked, "settled with the insurance": settled,
                "fee lines are left": _live(lab, INSURERS, "upload", "uploaded")}  # fmt: skip
        flaws += [text for text, found in left.items() if found]
    if state != "settled" and mine:
        flaws.append("an invoice stands")
    return flaws + (["the stay is still locked"] if _live(lab, ("his",), "lock", "live") else [])


def _agreed(lab: Lab, part: str, state: str, stay: Any, *, discharged: bool) -> list[str]:
    """Whether both sides hold the same stay, and the patient lies in hospital until his discharge is booked."""
    here, there = _live(lab, ("his",), "register", "open"), _live(lab, ("insurance",), "register", "open")
    bureau = lab.parties["insurance"].bureau  # type: ignore[attr-defined]  # the simulator's own memory
    lies = bureau.people["P0001"].psn_no in bureau.stays
    wanted = 0 if part == "admission" and state != "settled" else 1
    flaws = []
    if (len(here), len(there)) != (wanted, wanted):
        flaws.append(f"admitted: {len(here)} at the HIS, {len(there)} at the insurance")
    if wanted and (stay is None or (stay.insurance or {}).get("mdtrtId") not in [row["party_no"] for row in there]):
        flaws.append("the HIS has another visit than the insurance")
    if lies != (bool(wanted) and not discharged):
        flaws.append(f"in hospital at the insurance: {lies}")
    return flaws
