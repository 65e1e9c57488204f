"""The kinds of outside parties this engine speaks with; each is imported when first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Final, cast

from engine.parties.contract import Party

_MODULES: Final = {
    "his": "engine.parties.his.gateway",
    "his_soap": "engine.parties.his.soap",
    "his_hl7": "engine.parties.his.hl7",
    "nhsa": "engine.parties.nhsa.party",
    "municipal": "engine.parties.municipal.party",
    "mobile_pay": "engine.parties.mobile_pay.party",
    "qingdao_legacy": "engine.parties.qingdao_legacy.party",
    "dareway": "engine.parties.dareway.party",
    "neusoft": "engine.parties.neusoft.party",
    "yinhai": "engine.parties.yinhai.party",
    "wechat": "engine.parties.wechat.party",
    "unionpay": "engine.parties.unionpay.party",
    "alipay": "engine.parties.alipay.party",
    "till": "engine.parties.till",
    "einvoice": "engine.parties.einvoice.party",
    "commercial": "engine.parties.commercial.party",
    "sms": "engine.parties.sms.party",
    "subscriber": "engine.parties.subscriber",
    "mllp": "engine.parties.mllp",
    "files": "engine.parties.files",
    "table": "engine.parties.table",
}


class _Parties(Mapping[str, Party]):
    """Kind → party; KeyError for a kind nobody wrote."""

    def __getitem__(self, kind: str) -> Party:
        return cast(Party, import_module(_MODULES[kind]).PARTY)

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


PARTIES: Final[Mapping[str, Party]] = _Parties()
