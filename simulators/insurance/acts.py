"""`POST /sim/act`: what other people do at the bureau, and its switches."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

from simulators.base.party import ActRefused
from simulators.insurance import credential
from simulators.insurance.designate import FOREVER, end_all, sign
from simulators.insurance.gateway import PROFILES
from simulators.insurance.policy import TIER_OF_LEVEL, TIERS, Policy, Terms, terms_on
from simulators.insurance.state import Bureau, EcToken
from simulators.town import Person

if TYPE_CHECKING:
    from simulators.insurance.party import InsuranceSim

Body = dict[str, Any]


def _person(bureau: Bureau, body: Body) -> Person:
    found = bureau.people.get(str(body.get("person", "")))
    if found is None:
        raise ValueError(f"person: no {body.get('person')!r} in the town")
    return found


def _whole(body: Body, name: str, default: int) -> int:
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{name}: a whole number, not negative")
    return value


def sign_community(sim: InsuranceSim, body: Body) -> Body:
    """The person signs with the community clinic, from today (or `from` yyyy-MM-dd)."""
    bureau = sim.bureau
    person, day = _person(bureau, body), str(body.get("from") or bureau.today())
    if not person.insurance:
        raise ActRefused(f"{person.id} is not insured")
    code = str(body.get("fixmedins_code", "H37020000099"))
    name = str(body.get("fixmedins_name", "模拟社区卫生服务中心"))
    date.fromisoformat(day)  # ValueError: not a date
    made = sign(bureau, person, code, name, day, FOREVER)
    return {"trt_dcla_detl_sn": made.number, "begndate": made.begndate}


def unsign(sim: InsuranceSim, body: Body) -> Body:
    """The person's designations end yesterday."""
    end_all(sim.bureau, _person(sim.bureau, body), sim.bureau.today())
    return {"signed": False}


def put(sim: InsuranceSim, body: Body) -> Body:
    """Switches of `settings`, the gateway's profile and its secrets, by name; none is changed if one is wrong."""
    wanted = {k: v for k, v in body.items() if k != "act"}
    trial, secrets = dataclasses.replace(sim.bureau.settings), dataclasses.replace(sim.gateway.secrets)
    profile = sim.gateway.profile
    secret_names = {f.name for f in dataclasses.fields(secrets)}
    for name, value in wanted.items():
        if name == "profile":
            if value not in PROFILES:
                raise ValueError(f"set: profile is one of {', '.join(PROFILES)}")
            profile = value
        elif name in secret_names:
            setattr(secrets, name, str(value))
        else:
            trial.put(name, value)
    sim.gateway.profile, sim.gateway.secrets, sim.bureau.settings = profile, secrets, trial
    return {"set": wanted}


def new_year(sim: InsuranceSim, body: Body) -> Body:
    """The yearly counters start again; the clock stays."""
    sim.bureau.years_ahead += 1
    return {"year": sim.bureau.year()}


def change_policy(sim: InsuranceSim, body: Body) -> Body:
    """A new version: ratio_bp, deductible_fen, limit_fen, insutypes; others stay. From today, or `begin`/`end`."""
    bureau = sim.bureau
    begin, end = str(body.get("begin") or bureau.today()), str(body.get("end") or "9999-12-31")
    tier = str(body.get("tier") or TIER_OF_LEVEL[bureau.settings.hosp_lv])
    if tier not in TIERS:
        raise ValueError(f"tier is one of {', '.join(TIERS)}")
    insutypes = body.get("insutypes", ["310"])
    if not isinstance(insutypes, list):
        raise ValueError("insutypes: a list")
    made = {}
    for other in TIERS:
        level = next(code for code, name in TIER_OF_LEVEL.items() if name == other)
        made[other] = terms_on(bureau.policies, begin, "310", level) or Terms(0, 0, 0)
    old = made[tier]
    made[tier] = Terms(
        _whole(body, "ratio_bp", old.ratio_bp), _whole(body, "deductible_fen", old.deductible),
        _whole(body, "limit_fen", old.limit),
    )
    if made[tier].ratio_bp > 10000:
        raise ValueError("ratio_bp: at most 10000")
    bureau.policies.append(Policy(begin, end, frozenset(map(str, insutypes)), made))
    return {"begin": begin, "tier": tier, **dataclasses.asdict(made[tier])}


def change_item(sim: InsuranceSim, body: Body) -> Body:
    """The catalogue changes: `code` (hospital's) gets another level, first_self_pay_bp or cap_fen; `end` (yyyy-MM-dd)
    is its last day. The next 13xx of its list has it under a new version."""
    items = sim.bureau.items
    item = next((i for i in items.values() if i.code == body.get("code")), None)
    if item is None:
        raise ValueError(f"code: no item {body.get('code')!r}")
    if (level := str(body.get("level", item.level))) not in ("01", "02", "03"):
        raise ValueError("level: 01, 02 or 03")
    end = str(body.get("end", ""))
    if end:
        date.fromisoformat(end)  # ValueError: not a date
    stamp = sim.world.stamp("%Y%m%d%H%M%S")
    sim.bureau.versions[item.national] = (f"F001_{stamp}{sim.bureau.number():06d}_A", end)
    share = _whole(body, "first_self_pay_bp", item.first_self_pay_bp)
    items[item.national] = dataclasses.replace(
        item, level=level, first_self_pay_bp=share, cap_fen=_whole(body, "cap_fen", item.cap_fen)
    )
    return {"code": item.code, "level": level}


def set_counter(sim: InsuranceSim, body: Body) -> Body:
    """What the person has used this year: fund_used, deductible_used; balance of the account (all fen)."""
    bureau = sim.bureau
    person, year = _person(bureau, body), bureau.year()
    now = bureau.counters(person, year)
    used = dataclasses.replace(
        now, fund=_whole(body, "fund_used", now.fund), deductible=_whole(body, "deductible_used", now.deductible)
    )
    bureau.used[person.psn_no, year] = used
    bureau.balances[person.psn_no] = _whole(body, "balance", bureau.balance(person))
    return {"year": year, "fund_used": used.fund, "deductible_used": used.deductible}


def expire_signin(sim: InsuranceSim, body: Body) -> Body:
    """All sign_no are dead, as after a restart of the platform."""
    count = len(sim.bureau.signins)
    sim.bureau.signins.clear()
    return {"expired": count}


def make_ec_token(sim: InsuranceSim, body: Body) -> Body:
    """The person shows an 电子凭证: a token for mdtrt_cert_type 01, good for `seconds` (default 300)."""
    bureau = sim.bureau
    person = _person(bureau, body)
    token = f"ECTOKEN{person.id_no}"
    bureau.tokens[token] = EcToken(person, bureau.world.now() + _whole(body, "seconds", 300))
    return {"token": token}


def show_ec_code(sim: InsuranceSim, body: Body) -> Body:
    """The person opens the 电子凭证: a code of 28 digits for ec.query, good for `seconds` (default 60), once."""
    person = _person(sim.bureau, body)
    return {"ecQrCode": credential.show(sim.bureau, person, _whole(body, "seconds", int(credential.CODE_LIFE)))}


def admit(sim: InsuranceSim, body: Body) -> Body:
    """The person is in hospital from now (`day_ward` true: 日间病房)."""
    person = _person(sim.bureau, body)
    sim.bureau.stays[person.psn_no] = "28" if body.get("day_ward") else "21"
    return {"in_hospital": True}


def discharge(sim: InsuranceSim, body: Body) -> Body:
    """The person's stay is over."""
    person = _person(sim.bureau, body)
    if sim.bureau.stay_of(person) is not None:
        raise ActRefused(f"{person.id} was admitted by 2401: discharge by 2402")
    sim.bureau.stays.pop(person.psn_no, None)
    return {"in_hospital": False}


ACTS: dict[str, Callable[[InsuranceSim, Body], Body]] = {
    "sign_community": sign_community, "unsign": unsign, "set": put, "new_year": new_year,
    "change_policy": change_policy, "change_item": change_item, "set_counter": set_counter,
    "expire_signin": expire_signin, "make_ec_token": make_ec_token,
    "show_ec_code": show_ec_code, "admit": admit, "discharge": discharge,
}
