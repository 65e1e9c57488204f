"""Our parties and the shipped maps face to face with the simulated town, in memory: bytes out, bytes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock

from engine.config.channel import read_channel
from engine.config.tree import read_tree
from engine.core.errors import ERRORS
from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Fact, Outcome
from engine.parties.contract import Answer, Outgoing
from engine.parties.registry import PARTIES
from engine.pipeline.code_table import CodeTable
from engine.pipeline.code_table_file import read_code_table
from engine.pipeline.field_map import FieldMap, compile_map
from engine.pipeline.rejected import CodeText
from engine.saga.case import put
from engine.site.files import read_files
from simulators.alipay import AlipaySim
from simulators.base.party import SimParty
from simulators.base.wire import Req, Resp
from simulators.base.world import SimWorld
from simulators.commercial import CommercialSim
from simulators.dareway import DarewaySim
from simulators.einvoice import EinvoiceSim
from simulators.his import HisSim
from simulators.insurance import InsuranceSim
from simulators.mobile_pay import MobilePaySim
from simulators.municipal import MunicipalSim
from simulators.neusoft import NeusoftSim
from simulators.qingdao import QingdaoSim
from simulators.unionpay import UnionPaySim
from simulators.wechat import WeChatSim
from simulators.yinhai import YinhaiSim

from .judge import outcome_of

ROOT = Path(__file__).resolve().parents[2]
START = 1795312800.0  # 2026-11-22 10:00 in Beijing
FILES = read_files(ROOT)
EXAMPLES = ROOT / "docs" / "examples"
EXAMPLE = {**read_files(EXAMPLES / "former_insurance"), **read_files(EXAMPLES / "his_soap")}
KNOWN = {code: CodeText(said.zh, said.en, said.side, said.next) for code, said in ERRORS.items()}
NOTIFY = "http://127.0.0.1:8600/callback/wechat"
UNIONPAY_NOTIFY = "http://127.0.0.1:8600/callback/unionpay"
HOSPITAL = {
    "name": "模拟口腔医院", "code": "H37020000000", "place_code": "KIOSK1", "payee": "自助结算", "med_type": "11",
    "specialist": "yes",
}  # fmt: skip


class Opened(dict[str, Any]):
    """Connections, opened when they are first asked for: reading a private key takes 40 ms."""

    def __init__(self, opening: Callable[[str], Any]) -> None:
        super().__init__()
        self._opening = opening

    def __missing__(self, kind: str) -> Any:
        self[kind] = made = self._opening(kind)
        return made


class Town:
    """All parties, each with its simulator and the connection opened from the simulator's card."""

    def __init__(self) -> None:
        self.clock = MemoryReactorClock()  # type: ignore[no-untyped-call]  # Twisted left it untyped
        self.world = SimWorld(self.clock, anchor=START)
        self.sims: dict[str, Any] = {
            "his": HisSim(self.world), "nhsa": InsuranceSim(self.world),
            "municipal": MunicipalSim(self.world), "qingdao_legacy": QingdaoSim(self.world),
            "dareway": DarewaySim(self.world), "neusoft": NeusoftSim(self.world), "yinhai": YinhaiSim(self.world),
            "wechat": WeChatSim(self.world),
            "alipay": AlipaySim(self.world),
            "mobile_pay": MobilePaySim(self.world),
            "unionpay": UnionPaySim(self.world),
            "einvoice": EinvoiceSim(self.world),
            "commercial": CommercialSim(self.world),
        }  # fmt: skip
        self.sims["his_soap"] = self.sims["his"]  # one HIS, asked in two ways
        self.opened = Opened(self._open)
        self.opened["his_hl7"] = PARTIES["his_hl7"].settings()  # played over MLLP: tests/parties/test_his_hl7.py
        self.opened["till"] = PARTIES["till"].settings()  # nobody outside plays it
        self.session: dict[str, str] = {}
        self.asked = 0

    def _open(self, kind: str) -> Any:
        card = self.sims[kind].card("http://sim")
        settings = {
            "his": self._his, "his_soap": self._his_soap,
            "nhsa": self._nhsa, "municipal": self._municipal, "qingdao_legacy": self._qingdao,
            "dareway": self._dareway, "neusoft": self._neusoft, "yinhai": self._yinhai,
            "wechat": self._wechat,
            "alipay": self._alipay,
            "mobile_pay": self._mobile_pay,
            "unionpay": self._unionpay,
            "einvoice": self._einvoice,
            "commercial": self._commercial,
        }[kind](card)  # fmt: skip
        party = PARTIES[kind]
        return party.open(party.settings.model_validate(settings, context={"files": {**EXAMPLE, **FILES}}))

    @staticmethod
    def _his(card: Mapping[str, Any]) -> dict[str, Any]:
        return {"app_id": card["app_id"], "secret": card["secret"]}

    @staticmethod
    def _his_soap(card: Mapping[str, Any]) -> dict[str, Any]:
        return {"wsdl": "his_v1", "token": card["soap"]["token"]}

    @staticmethod
    def _nhsa(card: Mapping[str, Any]) -> dict[str, Any]:
        secrets = card["secrets"]
        return {
            "fixmedins_code": card["fixmedins_code"], "fixmedins_name": card["fixmedins_name"],
            "mdtrtarea_admvs": card["mdtrtarea_admvs"], "recer_sys_code": card["recer_sys_code"],
            "infver": card["infver"], "opter": "ENGINE01", "opter_name": "结算平台", "profile": "tif",
            "access_key": secrets["tif_paasid"], "secret": secrets["tif_token"],
        }  # fmt: skip

    @staticmethod
    def _municipal(card: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "hospital": card["hospital"], "operator": card["operator"], "operator_name": "自助机",
            "wsdl": "municipal_v1",
        }  # fmt: skip

    @staticmethod
    def _qingdao(card: Mapping[str, Any]) -> dict[str, Any]:
        return {"hospital": card["hospital"], "terminal": "K01", "operator": "K01", "layout": "qingdao_legacy"}

    @staticmethod
    def _dareway(card: Mapping[str, Any]) -> dict[str, Any]:
        return {"wsdl": "dareway_v1", **{name: card[name] for name in ("sbjgbh", "yybm", "user", "password")}}

    @staticmethod
    def _neusoft(card: Mapping[str, Any]) -> dict[str, Any]:
        return {"wsdl": "neusoft_v1", "layout": "neusoft", "hospital": card["hospital"], "operator": "K01"}

    @staticmethod
    def _yinhai(card: Mapping[str, Any]) -> dict[str, Any]:
        return {"wsdl": "yinhai_v1", "hospital": card["hospital"], "operator": "K01", "operator_name": "自助机"}

    @staticmethod
    def _commercial(card: Mapping[str, Any]) -> dict[str, Any]:
        return {name: card[name] for name in ("app_id", "hospital", "private_key", "insurer_key")}

    @staticmethod
    def _wechat(card: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "appid": card["appid"], "mchid": card["mchid"], "merchant_serial": card["merchant_serial"],
            "merchant_private_key": card["merchant_private_key"], "api_v3_key": card["api_v3_key"],
            "api_v2_key": card["api_v2_key"], "notify_url": NOTIFY, "mini_appid": card["mini_appid"], "codepay": "yes",
            "verify_keys": {
                card["platform_serial"]: card["platform_certificate"], card["public_key_id"]: card["public_key"]
            },
        }  # fmt: skip

    @staticmethod
    def _unionpay(card: Mapping[str, Any]) -> dict[str, Any]:
        names = ("mer_id", "sign_certificate", "sign_private_key", "root", "middle", "signer")
        return {**{name: card[name] for name in names}, "back_url": UNIONPAY_NOTIFY}

    @staticmethod
    def _alipay(card: Mapping[str, Any]) -> dict[str, Any]:
        names = ("app_id", "seller_id", "app_private_key", "alipay_public_key")
        return {**{name: card[name] for name in names}, "notify_url": NOTIFY.replace("wechat", "alipay")}

    @staticmethod
    def _mobile_pay(card: Mapping[str, Any]) -> dict[str, Any]:
        return {name: card[name] for name in ("org_code", "app_id", "app_secret", "private_key", "platform_key")}

    @staticmethod
    def _einvoice(card: Mapping[str, Any]) -> dict[str, Any]:
        return {"app_id": card["app_id"], "key": card["key"]}

    def call(self, kind: str, op: str, body: Any, number: str = "") -> tuple[Outcome, Answer]:
        """Build, let the simulator execute, read."""
        self.asked += 1
        outgoing = Outgoing(
            op, body, number, self.opened[kind], self.session, self.world.now(), f"{self.asked:032x}"
        )
        party = PARTIES[kind]
        request = party.build(outgoing)
        answer = party.read(outgoing, request, served(self.sims[kind], request))
        return outcome_of(party, op, answer), answer


def served(sim: SimParty, request: HttpRequest) -> HttpReply:
    """The simulator's answer to the bytes of a request."""
    req = Req(
        request.method, request.target, unquote(request.path), dict(parse_qsl(request.query)),
        {name.lower(): value for name, value in request.headers}, request.body, "127.0.0.1:1",
    )  # fmt: skip
    resp = sim.serve(sim.op_of(req), req)
    if isinstance(resp, Deferred):
        found: list[Resp] = []
        resp.addCallback(found.append)
        resp = found[0]
    return HttpReply(resp.status, tuple(resp.headers.items()), resp.body)


def shipped_maps() -> dict[str, FieldMap]:
    """All maps of the repository, compiled; AssertionError lists what does not compile."""
    found: list[Any] = []
    tables: dict[str, CodeTable] = {}
    for path in sorted((ROOT / "mappings/tables").glob("*.csv")):
        table = read_code_table(path.read_bytes(), path.name, path.stem)
        assert isinstance(table, CodeTable), table
        tables[path.stem] = table
    maps = {}
    for path in sorted((ROOT / "mappings").glob("*.map.yaml")):
        node, problems = read_tree(path.read_text("utf-8"), path.name)
        found += problems
        made = compile_map(node, path.name, found, tables, KNOWN)
        if made is not None:
            maps[made.name] = made
    assert not found, found
    return maps


def channel_calls(name: str) -> Mapping[str, Any]:
    """The calls of a shipped channel."""
    found: list[Any] = []
    node, problems = read_tree((ROOT / f"channels/{name}.yaml").read_text("utf-8"), name)
    assert node is not None, problems
    channel = read_channel(node, name, name, found)
    assert channel is not None, found
    return channel.calls


MAPS = shipped_maps()
CHANNELS = ("outpatient_settlement", "insurance_signin", "outpatient_bills")
CALLS = {call: row for channel in CHANNELS for call, row in channel_calls(channel).items()}


class Walk:
    """One settlement walked by hand through the shipped calls and maps."""

    def __init__(
        self, town: Town, patient: str, bill: str, identity: str = "insured", kind: str = "insurance_card"
    ) -> None:
        self.town = town
        person = next(p for p in town.sims["nhsa"].card("x")["persons"] if p["id"] == patient)
        value = {"insurance_card": person["card_no"], "id_card": person["id_no"]}.get(kind, "x")
        self.no = f"S20261122100000{patient[1:]:0>6}"
        self.names: dict[str, Any] = {
            "request": {
                "request_no": "K01-1", "terminal": {"kind": "kiosk", "id": "K01"}, "operator": "K01",
                "patient": {"id": patient, "credential": {"kind": kind, "value": value, "card_sn": person["card_sn"]}},
                "bills": [bill], "pay_identity": identity,
            },
            "client": "K01", "hospital": HOSPITAL, "insured": identity == "insured", "by_account": False,
            "settlement": {"no": self.no, "created_at": int(START), "attempt": 1},
        }  # fmt: skip
        self.serial = 0
        self.sent: dict[str, dict[str, Any]] = {}

    def number(self, call: str) -> str:
        """Our number for a call, as the engine draws them."""
        row = CALLS[call]
        kind = PARTIES[row.to].ops[row.op].number
        self.serial += 1
        return {
            "msgid": f"H37020000000{self.town.world.stamp('%Y%m%d%H%M%S')}{self.serial:04d}", "lock": f"{self.no}L",
            "settlement": self.no, "trade": f"{self.no}P1", "refund": f"{self.no}R9", "bus": f"{self.no}E1",
            "void": f"{self.no}V9", "": "",
        }[kind]  # fmt: skip

    def do(self, call: str, of: str = "", **more: Any) -> tuple[Outcome, Answer]:
        """Send a call; an accepted or pending answer goes through its read map into the names. `of`: the call whose
        leg it is about."""
        row, number = CALLS[call], self.number(call)
        own = {"number": number, "attempt": 1, "amount": self._amount(row, of), "at": int(self.town.world.now())}
        names = {**self.names, **more, "own": own, "now": own["at"], "of": self.sent.get(of, {})}
        body = MAPS[row.send].run(names) if row.send else {}
        outcome, answer = self.town.call(row.to, row.op, body, number)
        self.sent[call] = own
        if outcome in (Outcome.ACCEPTED, Outcome.PENDING) and row.read:
            names.update(answer=answer.body, code=answer.code, text=answer.text)
            put(self.names, call, MAPS[row.read].run(names), merge=True)
        return outcome, answer

    def _amount(self, row: Any, of: str) -> Any:
        if row.amount is None:
            return None
        at: Any = {**self.names, "of": self.sent.get(of, {})}
        for part in row.amount.split("."):
            at = at[part]
        return at

    def ask(self, call: str, of: str, **more: Any) -> tuple[Fact, Any]:
        """Ask about a leg; the fact, and what the fact map makes of it. AssertionError when a value differs."""
        row = CALLS[call]
        number = self.number(call) if row.to == "nhsa" else self.sent[of]["number"]
        names = {**self.names, **more, "own": {"number": number}, "of": self.sent[of], "now": int(START)}
        _, answer = self.town.call(row.to, row.op, MAPS[row.send].run(names), number)
        names.update(answer=answer.body, code=answer.code, text=answer.text)
        found = MAPS[row.fact].find_fact(names)
        assert not found.differs, found.differs
        return found.fact, MAPS[row.fact].run(names) if found.fact is Fact.THERE else None

    def work(self, name: str, field_map: str) -> Any:
        put(self.names, name, MAPS[field_map].run(self.names))
        return self.names[name]

    def check(self, field_map: str) -> None:
        MAPS[field_map].run(self.names)


def signed_in(town: Town) -> Town:
    body = MAPS["nhsa_9001"].run({})
    outcome, answer = town.call("nhsa", "9001", body, "H37020000000202611221000009999")
    assert outcome is Outcome.ACCEPTED
    town.session = {"sign_no": answer.body["signinoutb"]["sign_no"]}
    return town


def quoted(town: Town, patient: str = "P0001", bill: str = "B20261122001") -> Walk:
    """An insured bill up to its quote: the order of the seed's pre-settlement."""
    walk = Walk(town, patient, bill)
    for call in ("his.bill", "his.lock", "nhsa.person", "nhsa.signed", "nhsa.stay", "nhsa.register", "nhsa.visit"):
        assert walk.do(call)[0] is Outcome.ACCEPTED, call
    for rules in ("bill_rules", "nhsa_rules_bill", "nhsa_rules_person", "nhsa_rules_signed", "nhsa_rules_stay"):
        walk.check(rules)
    for batch in walk.work("batches", "nhsa_batches")["rows"]:
        assert walk.do("nhsa.upload", batch=batch)[0] is Outcome.ACCEPTED
        assert walk.ask("nhsa.fees", of="nhsa.upload", batch=batch)[0] is Fact.THERE
    assert walk.do("nhsa.quote")[0] is Outcome.ACCEPTED
    walk.work("due", "outpatient_due")
    return walk


def paid(walk: Walk, kind: str, **more: Any) -> Walk:
    walk.names["pay_choice"] = {"choice_no": "1", "kind": kind, **more}
    walk.check("pay_rules")
    return walk


def wechat_walk(town: Town, kind: str, code: str = "134567890123456789") -> Walk:
    walk = Walk(town, "P0005", "B20261122005", identity="self_pay")
    assert walk.do("his.bill")[0] is Outcome.ACCEPTED
    walk.work("due", "outpatient_due")
    return paid(walk, kind, auth_code=code)
