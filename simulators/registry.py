"""Which parties exist: name, where their class is, and the port they listen on by default."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from simulators.base.party import SimParty

PARTIES: dict[str, str] = {
    "his": "simulators.his:HisSim",
    "insurance": "simulators.insurance:InsuranceSim",
    "municipal": "simulators.municipal:MunicipalSim",
    "mobile_pay": "simulators.mobile_pay:MobilePaySim",
    "qingdao": "simulators.qingdao:QingdaoSim",
    "dareway": "simulators.dareway:DarewaySim",
    "neusoft": "simulators.neusoft:NeusoftSim",
    "yinhai": "simulators.yinhai:YinhaiSim",
    "wechat": "simulators.wechat:WeChatSim",
    "unionpay": "simulators.unionpay:UnionPaySim",
    "alipay": "simulators.alipay:AlipaySim",
    "einvoice": "simulators.einvoice:EinvoiceSim",
    "commercial": "simulators.commercial:CommercialSim",
    "sms": "simulators.sms:SmsSim",
    "subscribers": "simulators.subscribers:SubscribersSim",
}


def present() -> list[str]:
    """The names whose package is there, in the order of the list."""
    return [name for name, place in PARTIES.items() if find_spec(place.partition(":")[0]) is not None]


def party_class(name: str) -> type[SimParty]:
    """The class of a party, imported when first asked for; KeyError for an unknown name."""
    module, _, class_name = PARTIES[name].partition(":")
    found = getattr(import_module(module), class_name)
    if not (isinstance(found, type) and issubclass(found, SimParty)):
        raise TypeError(f"{PARTIES[name]} is not a party")
    return found
