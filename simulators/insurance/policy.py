"""门诊统筹 policy: figures as data with effective dates, no calculation.

The first version is the one the town's 口腔医院 published: ratio 75/60/50 %, 起付标准 0/500/800 yuan,
yearly limit 1700 yuan, employees (310) only, since January 2023.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TIERS = ("primary", "secondary", "tertiary")  # 基层 (一级及以下), 二级, 三级


@dataclass(frozen=True, slots=True)
class Terms:
    """What one level of institution pays: ratio in 1/10000, amounts in fen per person and calendar year."""

    ratio_bp: int
    deductible: int
    limit: int


@dataclass(frozen=True, slots=True)
class Policy:
    """One version, in force from `begin` to `end` (yyyy-MM-dd, both included) for visits of those days."""

    begin: str
    end: str
    insutypes: frozenset[str]
    terms: Mapping[str, Terms]  # by tier


POLICIES: tuple[Policy, ...] = (
    Policy(
        "2023-01-01", "9999-12-31", frozenset({"310"}),
        {
            "primary": Terms(7500, 0, 170000),
            "secondary": Terms(6000, 50000, 170000),
            "tertiary": Terms(5000, 80000, 170000),
        },
    ),
)

# 住院统筹 of this town, invented: ratio, deductible of one stay, limit of the year; employees and residents.
STAY_TERMS: Mapping[str, Mapping[str, Terms]] = {
    "310": {
        "primary": Terms(9000, 30000, 20000000),
        "secondary": Terms(8800, 50000, 20000000),
        "tertiary": Terms(8500, 80000, 20000000),
    },
    "390": {
        "primary": Terms(8500, 30000, 15000000),
        "secondary": Terms(7500, 50000, 15000000),
        "tertiary": Terms(6500, 80000, 15000000),
    },
}

# 门诊挂号 of this town, invented: what the fund pays of one registration's in-scope fees at most, in fen, by insutype.
# Outside 门诊统筹: no signing, no deductible, no yearly limit; one registration a person, department and day.
REGISTRATION_SHARE: Mapping[str, int] = {"310": 800, "390": 500}

# hosp_lv of 1201: 01 三级特等, 02 三级甲等, 03 三级乙等, 04 三级丙等, 05–07 二级, 08–10 一级, 11 无等级
TIER_OF_LEVEL = {
    "01": "tertiary", "02": "tertiary", "03": "tertiary", "04": "tertiary",
    "05": "secondary", "06": "secondary", "07": "secondary",
    "08": "primary", "09": "primary", "10": "primary", "11": "primary",
}


def stay_terms(insutype: str, hosp_lv: str) -> Terms | None:
    """The terms of a stay in hospital; None: that insurance pays for none."""
    return STAY_TERMS.get(insutype, {}).get(TIER_OF_LEVEL.get(hosp_lv, ""))


def terms_on(policies: Sequence[Policy], day: str, insutype: str, hosp_lv: str) -> Terms | None:
    """The terms for a visit on `day` (yyyy-MM-dd); the version entered last wins; None: no 门诊统筹."""
    tier = TIER_OF_LEVEL.get(hosp_lv, "")
    for policy in reversed(policies):
        if policy.begin <= day <= policy.end and insutype in policy.insutypes and tier in policy.terms:
            return policy.terms[tier]
    return None
