"""A hospital at the insurance simulator's door: HTTP bytes in, HTTP bytes out, on a clock that stands still."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from simulators.base.world import SimWorld
from simulators.insurance import InsuranceSim
from simulators.insurance.gateway import tif_signature
from simulators.insurance.paths import PATHS
from simulators.town import TEMPLATES, everybody, price_list

# 2026-11-22 09:12:45 Beijing
START = 1795309965.0
PEOPLE = everybody()
ITEMS = price_list()


class Hospital:
    """Sends what a hospital sends; `profile` none unless a test wants the gate."""

    def __init__(self, profile: str = "none", *, start: float = START) -> None:
        self.clock = Clock()
        self.world = SimWorld(self.clock, anchor=start)
        self.sim = InsuranceSim(self.world)
        self.site = self.sim.site()
        self.serial = 0
        self.opter = "K01"
        self.sign_no = ""
        self.sim.act({"act": "set", "profile": profile})

    # bytes

    def http(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
        """One request on its own connection; the raw reply."""
        protocol: Any = self.site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 40000))
        wire = StringTransport()
        protocol.makeConnection(wire)
        lines = [f"{method} {path} HTTP/1.1", "Host: bureau", f"Content-Length: {len(body)}"]
        lines += [f"{k}: {v}" for k, v in (headers or {}).items()]
        protocol.dataReceived("\r\n".join([*lines, "", ""]).encode() + body)
        return wire.value()

    def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        head, _, content = self.http("POST", path, body, headers).partition(b"\r\n\r\n")
        return (int(head.split(b" ", 2)[1]), content) if head else (0, b"")

    def control(self, path: str, body: dict[str, Any] | None = None, method: str = "") -> Any:
        sent = json.dumps(body).encode() if body is not None else b""
        raw = self.http(method or ("GET" if body is None else "POST"), path, sent)
        return json.loads(raw.partition(b"\r\n\r\n")[2])

    def act(self, act: str, **more: Any) -> Any:
        answer = self.control("/sim/act", {"act": act, **more})
        assert "error" not in answer, answer
        return answer

    def fault(self, op: str, fault: str, **more: Any) -> None:
        answer = self.control("/sim/faults", {"op": op, "fault": fault, **more})
        assert "error" not in answer, answer

    def rows(self, kind: str = "") -> list[dict[str, Any]]:
        return [r for r in self.control("/sim/ledger")["rows"] if kind in ("", r["kind"])]

    # calls

    def msgid(self) -> str:
        self.serial += 1
        return f"H37020000000{self.world.stamp('%Y%m%d%H%M%S')}{self.serial:04d}"

    def message(self, infno: str, given: dict[str, Any], **head: Any) -> dict[str, Any]:
        base = {
            "infno": infno, "msgid": self.msgid(), "mdtrtarea_admvs": "370200", "insuplc_admdvs": "370200",
            "recer_sys_code": "FSI_LOCAL", "dev_no": "", "dev_safe_info": "", "cainfo": "", "signtype": "SM2",
            "infver": "V1.0", "opter_type": "2", "opter": self.opter, "opter_name": "自助机一",
            "inf_time": self.world.stamp(), "fixmedins_code": "H37020000000", "fixmedins_name": "模拟口腔医院",
            "sign_no": self.sign_no, "input": given,
        }
        return {k: v for k, v in {**base, **head}.items() if v is not None}

    def send(self, message: dict[str, Any], path: str | None = None) -> dict[str, Any]:
        body = json.dumps(message, ensure_ascii=False).encode()
        status, content = self.post(path or PATHS[message["infno"]][0], body)
        assert status == 200, (status, content)
        answer = json.loads(content, parse_float=Decimal)
        assert isinstance(answer, dict)
        return answer

    def call(self, infno: str, given: dict[str, Any], **head: Any) -> dict[str, Any]:
        return self.send(self.message(infno, given, **head))

    def ok(self, infno: str, given: dict[str, Any], **head: Any) -> Any:
        answer = self.call(infno, given, **head)
        assert answer["infcode"] == 0, answer
        return answer["output"]

    def no(self, infno: str, given: dict[str, Any], **head: Any) -> str:
        """The call must fail as a business failure; its err_msg."""
        answer = self.call(infno, given, **head)
        assert answer["infcode"] == -1, answer
        assert answer["output"] is None
        assert answer["inf_refmsgid"] is None
        assert answer["err_msg"].startswith("FSI-")
        assert "[模块_" in answer["err_msg"]
        return str(answer["err_msg"])

    def sign_in(self) -> str:
        given = {"signIn": {"opter_no": self.opter, "mac": "00-00-00-00-00-01", "ip": "127.0.0.1"}}
        self.sign_no = self.ok("9001", given, sign_no=None)["signinoutb"]["sign_no"]
        return self.sign_no

    # a visit

    def data_2201(self, who: str, number: str, insutype: str = "310") -> dict[str, Any]:
        person = PEOPLE[who]
        return {"data": {
            "psn_no": person.psn_no, "insutype": insutype, "begntime": self.world.stamp(), "mdtrt_cert_type": "03",
            "mdtrt_cert_no": person.card_no, "card_sn": person.card_sn, "ipt_otp_no": number,
            "atddr_no": "D370200000001", "dr_name": "模拟医师一", "dept_code": "KQ01", "dept_name": "牙体牙髓科",
            "caty": "A12",
        }}

    def data_2203(self, who: str, mdtrt_id: str, icd: str = "K04.001", med_type: str = "11") -> dict[str, Any]:
        now = self.world.stamp()
        return {
            "mdtrtinfo": {"mdtrt_id": mdtrt_id, "psn_no": PEOPLE[who].psn_no, "med_type": med_type, "begntime": now},
            "diseinfo": [{
                "diag_type": "1", "diag_srt_no": 1, "diag_code": icd, "diag_name": "急性牙髓炎", "diag_dept": "KQ01",
                "dise_dor_no": "D370200000001", "dise_dor_name": "模拟医师一", "diag_time": now, "vali_flag": "1",
            }],
        }

    def line(self, who: str, mdtrt_id: str, sn: str, item: str, qty: str = "1", **more: Any) -> dict[str, Any]:
        found = ITEMS[item]
        price = Decimal(found.price_fen) / 100
        return {
            "feedetl_sn": sn, "mdtrt_id": mdtrt_id, "psn_no": PEOPLE[who].psn_no, "chrg_bchno": f"B{mdtrt_id[-6:]}",
            "dise_codg": "", "rxno": "", "rx_circ_flag": "0", "fee_ocur_time": self.world.stamp(),
            "med_list_codg": found.national, "medins_list_codg": found.code,
            "det_item_fee_sumamt": float(price * Decimal(qty)), "cnt": float(qty), "pric": float(price),
            "bilg_dept_codg": "KQ01", "bilg_dept_name": "牙体牙髓科", "bilg_dr_codg": "D370200000001",
            "bilg_dr_name": "模拟医师一", "hosp_appr_flag": "0", **more,
        }

    def data_2206(self, who: str, mdtrt_id: str, total: float, account: str = "0", **more: Any) -> dict[str, Any]:
        person = PEOPLE[who]
        return {"data": {
            "psn_no": person.psn_no, "mdtrt_cert_type": "03", "mdtrt_cert_no": person.card_no,
            "card_sn": person.card_sn, "med_type": "11", "medfee_sumamt": total, "psn_setlway": "01",
            "mdtrt_id": mdtrt_id, "chrg_bchno": f"B{mdtrt_id[-6:]}", "acct_used_flag": account, "insutype": "310",
            **more,
        }}

    def data_2207(self, quoted: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
        echo = ("fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_scp_amt")
        info = quoted["setlinfo"]
        return {"data": {**asked["data"], "invono": "", **{name: float(info[name]) for name in echo}}}

    def open_visit(self, who: str, number: str, insutype: str = "310") -> str:
        """2201 and 2203A; the mdtrt_id."""
        if not self.sign_no:
            self.sign_in()
        mdtrt_id = str(self.ok("2201", self.data_2201(who, number, insutype))["data"]["mdtrt_id"])
        self.ok("2203A", self.data_2203(who, mdtrt_id))
        return mdtrt_id

    def upload(self, who: str, mdtrt_id: str, template: str) -> float:
        """2204 of a whole bill; its total."""
        lines = [
            self.line(who, mdtrt_id, f"{n}", ln.item, ln.qty) for n, ln in enumerate(TEMPLATES[template].lines, 1)
        ]
        self.ok("2204", {"feedetail": lines})
        return sum(row["det_item_fee_sumamt"] for row in lines)

    def settled(self, who: str, number: str, template: str, account: str = "0") -> tuple[str, dict[str, Any]]:
        """A whole visit to its 2207A; mdtrt_id and the 2207A output."""
        mdtrt_id = self.open_visit(who, number)
        total = self.upload(who, mdtrt_id, template)
        asked = self.data_2206(who, mdtrt_id, total, account)
        quoted = self.ok("2206A", asked)
        return mdtrt_id, self.ok("2207A", self.data_2207(quoted, asked))

    def cancel(self, who: str, mdtrt_id: str, setl_id: str) -> dict[str, Any]:
        given = {"data": {"setl_id": setl_id, "mdtrt_id": mdtrt_id, "psn_no": PEOPLE[who].psn_no}}
        output = self.ok("2208", given)
        assert isinstance(output, dict)
        return output

    def reverse(self, who: str, number: str, infno: str) -> dict[str, Any]:
        given = {"data": {"psn_no": PEOPLE[who].psn_no, "omsgid": number, "oinfno": infno}}
        return self.call("2601", given)

    def ask(self, who: str, mdtrt_id: str, setl_id: str = "") -> dict[str, Any] | None:
        """5203; its setlinfo."""
        given = {"data": {"psn_no": PEOPLE[who].psn_no, "setl_id": setl_id, "mdtrt_id": mdtrt_id}}
        found = self.ok("5203", given)["setlinfo"]
        assert found is None or isinstance(found, dict)
        return found

    def sums(self, who: str, year: str = "") -> tuple[Decimal, Decimal]:
        """5206: fund and deductible used."""
        rows = self.ok("5206", {"data": {"psn_no": PEOPLE[who].psn_no, "cum_ym": year}})["cuminfo"]
        by_kind = {row["cum_type_code"]: row["cum"] for row in rows}
        return by_kind["TC01"], by_kind["QF01"]


def tif_headers(now: float, nonce: str, token: str = "", paasid: str = "SIMPAASID") -> dict[str, str]:
    """The TIF gate's headers."""
    stamp = str(int(now))
    return {
        "x-tif-paasid": paasid, "x-tif-timestamp": stamp, "x-tif-nonce": nonce,
        "x-tif-signature": tif_signature(stamp, token or "SIMTOKEN", nonce),
    }
