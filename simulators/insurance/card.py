"""What an outside client needs to know to call this bureau."""

from __future__ import annotations

import dataclasses
from typing import Any

from simulators.insurance.acts import ACTS
from simulators.insurance.gateway import GATE_FORMS, Gateway
from simulators.insurance.paths import PATHS
from simulators.insurance.query import DEDUCTIBLE_USED, FUND_USED
from simulators.insurance.registry import TRANSACTIONS
from simulators.insurance.reverse import REVERSIBLE
from simulators.insurance.state import Bureau
from simulators.town import ADMDVS, CROWD, DOCTORS, FIXMEDINS_CODE, FIXMEDINS_NAME, PERSONS, Person

_SHOWN_OF_CROWD = 20


def card(bureau: Bureau, gateway: Gateway, base_url: str) -> dict[str, Any]:
    """Addresses, secrets, codes, test persons, the policy in force; amounts in fen."""
    return {
        "base_url": base_url, "profile": gateway.profile, "gate": GATE_FORMS[gateway.profile],
        "secrets": dataclasses.asdict(gateway.secrets),
        "path_template": bureau.settings.path_template,
        "paths": {code: paths[0] for code, paths in PATHS.items()},
        "transactions": {code: t.title for code, t in TRANSACTIONS.items()}, "reversible": sorted(REVERSIBLE),
        "fixmedins_code": FIXMEDINS_CODE, "fixmedins_name": FIXMEDINS_NAME, "mdtrtarea_admvs": ADMDVS,
        "insuplc_admdvs": ADMDVS, "infver": bureau.settings.infver[0],
        "recer_sys_code": bureau.settings.recer_sys_code[0], "settings": dataclasses.asdict(bureau.settings),
        "cum_type_code": {"fund_used": FUND_USED, "deductible_used": DEDUCTIBLE_USED},
        "doctors": [{"code": code, "name": name, "dept": dept} for name, code, dept, *_ in DOCTORS.values()],
        "items": [dataclasses.asdict(item) for item in bureau.items.values()],
        "persons": [_shown(p) for p in PERSONS + CROWD[:_SHOWN_OF_CROWD]],
        "crowd": f"{CROWD[0].id} to {CROWD[-1].id}, psn_no, card_no and card_sn count on",
        "policy": [
            {"begin": p.begin, "end": p.end, "insutypes": sorted(p.insutypes),
             "terms": {tier: dataclasses.asdict(t) for tier, t in p.terms.items()}}
            for p in bureau.policies
        ],
        "acts": {name: (act.__doc__ or "").strip() for name, act in ACTS.items()},
    }


def _shown(person: Person) -> dict[str, Any]:
    return dataclasses.asdict(person)
