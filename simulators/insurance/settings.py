"""The switches of the bureau: where provinces differ, one line each. Changed by `{"act": "set", …}`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

_CHOICES: dict[str, tuple[str, ...]] = {
    "path_template": ("path", "infno", "base"),
    "infcode_as": ("number", "text"),
    "refund_order": ("any", "lifo"),
    "reverse_of_unknown": ("tombstone", "error"),
    "second_signin": ("same", "replace"),
    "not_entitled": ("own_pay", "refuse"),
    "unknown_fields": ("ignore", "refuse"),
}


@dataclass
class Settings:
    """Defaults are this town's; every field may be changed while running."""

    path_template: str = "path"  # {base}{path} | {base}/{infno} | {base}
    infver: tuple[str, ...] = ("V1.0",)
    recer_sys_code: tuple[str, ...] = ("FSI_LOCAL", "YBXT", "MK")
    infcode_as: str = "number"  # 0 or "0"
    hosp_lv: str = "02"  # 三级甲等
    pool_med_types: tuple[str, ...] = ("11", "110104")  # med_type under which 门诊统筹 pays
    registration_med_types: tuple[str, ...] = ("12",)  # med_type of a 门诊挂号: a fixed share, outside 门诊统筹
    fund_includes_account: bool = False  # fund_pay_sumamt with acct_pay inside (Guangdong) or not
    account_in_detail: bool = False  # setldetail also lists 310200 although the fund total leaves it out (Hebei)
    refund_order: str = "any"  # 2208 in any order, or last in first out per person
    # 2601 of a msgid never seen: accept and refuse the late original (tombstone), or error
    reverse_of_unknown: str = "tombstone"
    second_signin: str = "same"  # a second 9001 of the day: the same sign_no, or a new one that kills the old
    # no 门诊统筹 (not signed, in hospital, 居民): the fund pays 0 (own_pay), or 2206 refuses
    not_entitled: str = "own_pay"
    one_use_tokens: bool = False  # an 电子凭证 token is dead after its first 1101
    echo_required: bool = True  # 2207 must carry the four amounts of 2206 (some sites leave them blank)
    statement_counts_refunds: bool = True  # 3201 counts a refunded pair as two rows, or not at all
    statement_all_rows: bool = True  # the file of 3202 lists what agrees too, or only differences
    check_doctors: bool = True  # 2201 and 2204 take only known 医保医师 codes
    max_rows: int = 100  # fee lines in one 2204
    name_length: int = 20  # fixmedins_name, 20 or 200
    unknown_fields: str = "ignore"  # envelope fields outside the document and the known provincial extras

    def put(self, name: str, value: object) -> None:
        """Change one switch; ValueError says what is allowed."""
        known = {f.name: f for f in dataclasses.fields(self)}
        if name not in known:
            raise ValueError(f"set: unknown setting {name}; known: {', '.join(known)}")
        present = getattr(self, name)
        if name in _CHOICES and value not in _CHOICES[name]:
            raise ValueError(f"set: {name} is one of {', '.join(_CHOICES[name])}")
        if isinstance(present, tuple):
            if isinstance(value, str):
                value = [value]
            if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
                raise ValueError(f"set: {name} is a list of texts")
            value = tuple(value)
        elif type(value) is not type(present):
            raise ValueError(f"set: {name} is a {type(present).__name__}")
        setattr(self, name, value)
