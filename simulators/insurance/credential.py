"""电子凭证 (ec.query): decode a scanned code. Its own envelope, beside the interface's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from simulators.base.wire import Resp, json_resp
from simulators.insurance.fields import Refusal, fields, node
from simulators.insurance.state import Bureau, EcToken
from simulators.town import ADMDVS, FIXMEDINS_CODE, Person

PATHS = ("/fsi/api/hsecfc/localQrCodeQuery", "/localcfc/api/hsecfc/localQrCodeQuery")
_CODES = ("/1162", "/9999")  # the same by its number, where addresses grow by numbers
WRONG_CODE = (500159, "请使用医保电子凭证二维码")
_EXPIRED = (500160, "医保电子凭证二维码已失效,请刷新后重试")
_DATA = fields(
    "orgId C40 Y; businessType C5 Y; operatorId C20 Y; operatorName C30 N; officeId C20 N; officeName C30 N;"
    "deviceType C30 N; outBizNo C50 N; ecQrCode C64 Y"
)
BUSINESS = frozenset({
    "01101", "01102", "01103", "01104", "01201", "01202", "01203", "01204", "01301", "01302", "01303", "01304",
    "01305", "02121", "02122", "03131",
})  # fmt: skip
FORM = "{orgId, transType: ec.query, data: {businessType, operatorId, ecQrCode: 28 digits, fresh, unused}, extra}"
CODE_LIFE, TOKEN_LIFE = 60.0, 300.0  # seconds


def called(path: str, body: bytes, template: str) -> bool:
    """Whether a call is this one: by its path, by its number, or (where all share one address) by its envelope."""
    if template == "base":
        return b'"transType"' in body and b'"infno"' not in body
    return path in PATHS or (template == "infno" and path.endswith(_CODES))


def answer(bureau: Bureau, message: Any) -> Resp:
    """One call: `{orgId, transType, data, extra}` in, `{code, type, message, data}` out."""
    if not isinstance(message, dict) or message.get("transType") != "ec.query":
        return refused(500100, "不支持的交易类型")
    if message.get("orgId") != FIXMEDINS_CODE:
        return refused(500101, "机构编码不正确")
    try:
        asked = node(message, "data", _DATA)
    except Refusal as wrong:
        return refused(500102, wrong.text)
    if asked["businessType"] not in BUSINESS:
        return refused(500103, f"用码业务类型[{asked['businessType']}]不正确")
    code = asked["ecQrCode"]
    if len(code) != 28 or not code.isdigit():
        return refused(*WRONG_CODE)
    found = bureau.codes.get(code)
    if found is None or found.used or found.expires <= bureau.world.now():
        return refused(*_EXPIRED)
    found.used = True
    return json_resp({"code": 0, "type": "success", "message": "成功", "data": _data(bureau, found.person, code)})


def _data(bureau: Bureau, person: Person, code: str) -> Mapping[str, Any]:
    token = f"{ADMDVS}{bureau.number():010d}{person.psn_no[-8:]}{int(bureau.world.now()):010d}ecsim"
    bureau.tokens[token] = EcToken(person, bureau.world.now() + TOKEN_LIFE)
    return {
        "userName": person.name, "idNo": person.id_no, "idType": "01", "insuOrg": ADMDVS,
        "ecIndexNo": f"EC{person.psn_no[-10:]}", "ecToken": token, "gender": person.gender, "birthday": person.birth,
        "nationality": "01", "email": None, "chnlId": "SIM", "ecQrCode": code, "authNo": None, "extData": None,
    }


def refused(code: int, message: str) -> Resp:
    """The error shape: no data, `success` false."""
    return json_resp({"message": message, "success": False, "code": code})


def reason_of(reply: Resp) -> str:
    """The words of a refusal."""
    return str(json.loads(reply.body)["message"])


def show(bureau: Bureau, person: Person, seconds: float = CODE_LIFE) -> str:
    """The person opens the 电子凭证: a code of 28 digits that ends in the region."""
    code = f"{bureau.number():010d}{int(bureau.world.now()) % 10**12:012d}{ADMDVS}"
    bureau.codes[code] = EcToken(person, bureau.world.now() + seconds)
    return code
