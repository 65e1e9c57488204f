"""How the HIS itself talks to the insurance and to the e-invoice platform, when it leads the settlement.

A call ends with an answer, with `Said` (the platform's own no) or with `Silence`: nobody knows.
"""

from __future__ import annotations

import base64
import hashlib
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from simulators.base.outbound import NoAnswer, post
from simulators.base.wire import Resp
from simulators.insurance.gateway import Secrets, tif_signature
from simulators.insurance.paths import PATHS
from simulators.town import ADMDVS, FIXMEDINS_CODE, FIXMEDINS_NAME

if TYPE_CHECKING:
    from simulators.base.party import SimParty

OPERATOR, OPERATOR_NAME = "HIS01", "收费系统"
WAIT = 8.0  # business seconds the HIS waits for one answer
_NOT_SIGNED_IN = "签到"


class Silence(Exception):
    """No answer that can be believed; the text says what happened."""


class Said(Exception):
    """The platform refused: its code and words."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


async def _post(party: SimParty, op: str, url: str, body: bytes, headers: dict[str, str]) -> Resp:
    """One POST; Silence also when the HIS was started over in between."""
    life = party.life
    talk: Deferred[Resp] = post(party, op, url, body, headers, wait=WAIT / party.world.rate)
    try:
        reply = await talk
    except NoAnswer as no:
        raise Silence(str(no)) from None
    if party.life != life:
        raise Silence("the HIS was started over")
    if reply.status != 200:
        raise Silence(f"HTTP {reply.status}")
    return reply


class InsuranceOffice:
    """The HIS's own line to the bureau: signs in, signs its calls, numbers its messages."""

    def __init__(self, party: SimParty) -> None:
        self._party, self._secrets = party, Secrets()
        self._drawn, self._sign_no, self._day = 0, "", ""

    def number(self) -> str:
        """A msgid; the serials from 9000 on are the HIS's, so that no other sender of the hospital draws them."""
        self._drawn += 1
        return f"{FIXMEDINS_CODE}{self._party.world.stamp('%Y%m%d%H%M%S')}{9000 + self._drawn % 1000:04d}"

    async def ask(self, infno: str, given: dict[str, Any], msgid: str = "") -> Any:
        """The `output` of a transaction. Errors: Said, Silence."""
        if not self._sign_no or self._day != self._party.world.stamp("%Y-%m-%d"):
            await self._sign_in()
        number = msgid or self.number()
        try:
            return await self._talk(infno, given, number)
        except Said as no:
            if _NOT_SIGNED_IN not in no.text:
                raise
        await self._sign_in()  # what came without a sign-in was not executed
        return await self._talk(infno, given, number)

    async def _sign_in(self) -> None:
        self._sign_no = ""
        given = {"signIn": {"opter_no": OPERATOR, "mac": "00-00-00-00-00-00", "ip": "127.0.0.1"}}
        made = await self._talk("9001", given, self.number())
        self._sign_no, self._day = str(made["signinoutb"]["sign_no"]), self._party.world.stamp("%Y-%m-%d")

    async def _talk(self, infno: str, given: dict[str, Any], msgid: str) -> Any:
        party = self._party
        base = party.world.addresses.get("insurance")
        if base is None:
            raise Silence("no insurance is connected")
        stamp, nonce = str(int(party.world.signing())), f"{party.world.rng.getrandbits(64):016x}"
        headers = {
            "Content-Type": "application/json;charset=utf-8", "x-tif-paasid": self._secrets.tif_paasid,
            "x-tif-timestamp": stamp, "x-tif-nonce": nonce,
            "x-tif-signature": tif_signature(stamp, self._secrets.tif_token, nonce),
        }
        body = json.dumps(self._envelope(infno, given, msgid), ensure_ascii=False).encode()
        reply = await _post(party, infno, base + PATHS[infno][0], body, headers)
        try:
            tree = json.loads(reply.body, parse_float=Decimal)
            code, text, output = str(tree["infcode"]), str(tree.get("err_msg") or ""), tree.get("output")
        except (ValueError, KeyError, TypeError):
            raise Silence("an answer nobody can read") from None
        if code != "0":
            raise Said(code, text)
        return output

    def _envelope(self, infno: str, given: dict[str, Any], msgid: str) -> dict[str, Any]:
        return {
            "infno": infno, "msgid": msgid, "mdtrtarea_admvs": ADMDVS, "insuplc_admdvs": ADMDVS,
            "recer_sys_code": "FSI_LOCAL", "dev_no": "", "signtype": "", "infver": "V1.0", "opter_type": "1",
            "opter": OPERATOR, "opter_name": OPERATOR_NAME, "inf_time": self._party.world.stamp(),
            "fixmedins_code": FIXMEDINS_CODE, "fixmedins_name": FIXMEDINS_NAME,
            "sign_no": "" if infno == "9001" else self._sign_no, "input": given,
        }


class InvoiceOffice:
    """The HIS's own line to the e-invoice platform."""

    APP_ID = "EBILLAPP01"

    def __init__(self, party: SimParty) -> None:
        self._party, self._key = party, party.world.keys.secret("einvoice")

    async def ask(self, service: str, given: dict[str, Any]) -> dict[str, Any]:
        """The message of a service. Errors: Said, Silence."""
        party = self._party
        base = party.world.addresses.get("einvoice")
        if base is None:
            raise Silence("no e-invoice platform is connected")
        data = base64.b64encode(json.dumps(given, ensure_ascii=False).encode()).decode()
        outer = {"appid": self.APP_ID, "data": data, "noise": f"{party.world.rng.getrandbits(64):016x}",
                 "version": "1.0"}
        body = json.dumps({**outer, "sign": self._sign(data, outer["noise"])}).encode()
        url = f"{base}/medical-web/api/medical/{service}"
        reply = await _post(party, service, url, body, {"Content-Type": "application/json;charset=utf-8"})
        try:
            told = json.loads(reply.body)
            if told["sign"] != self._sign(told["data"], told["noise"]):
                raise Silence("the answer is not signed well")
            inner = json.loads(base64.b64decode(told["data"]))
            text, result = base64.b64decode(inner["message"]).decode("utf-8"), str(inner["result"])
            message = json.loads(text) if result == "S0000" else {}
        except (ValueError, KeyError, TypeError):
            raise Silence("an answer nobody can read") from None
        if result != "S0000":
            raise Said(result, text)
        return dict(message)

    def _sign(self, data: str, noise: str) -> str:
        text = f"appid={self.APP_ID}&data={data}&noise={noise}&key={self._key}&version=1.0"
        return hashlib.md5(text.encode()).hexdigest().upper()
