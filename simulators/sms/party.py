"""The provider as an HTTP server: SendSms and QuerySendDetails. It sends what it is asked to, also twice."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from simulators.base.faults import BREAKS, CALLBACKS, COMMON, Faults
from simulators.base.ledger import Row
from simulators.base.menu import Section
from simulators.base.party import ActRefused, SimParty
from simulators.base.rounds import WHEN
from simulators.base.wire import Req, Resp, json_resp, loads, text_resp
from simulators.base.world import SimWorld
from simulators.sms import said
from simulators.sms.courier import WHAT, Courier
from simulators.sms.envelope import Gate, Refusal

SIGN = "模拟口腔医院"
TEMPLATES = {  # approved texts; no diagnosis, no name
    "SMS_SETTLED": "您在${hospital}的缴费${amount}元已办理，结算单号${no}。",
    "SMS_BACK": "您在${hospital}的结算${no}已撤销，${amount}元已退回。",
    "SMS_LATE": "您在${hospital}的结算${no}不作数的一笔付款${amount}元已退回。",
}
_PHONE = re.compile(r"1[3-9][0-9]{9}", re.ASCII)
_HOLE = re.compile(r"\$\{([a-z]+)\}")
LONGEST = 35  # characters of one variable
_REFUSALS = {
    "refuse_business": ("isv.SMS_TEMPLATE_ILLEGAL", "该账号下找不到对应模板", 200),
    "not_enough_balance": ("isv.AMOUNT_NOT_ENOUGH", "账户余额不足", 200),
    "token_expired": ("InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.", 400),
    "flow_control": ("isv.BUSINESS_LIMIT_CONTROL", "触发分钟级流控Permits:1", 200),
    "throttled": ("Throttling.User", "Request was denied due to user flow control.", 400),
    "black_list": ("isv.BLACK_KEY_CONTROL_LIMIT", "变量中含有关键词", 200),
}


@dataclass
class Message:
    """One that went out. `state` 1 waits for the operator, 2 not delivered, 3 delivered."""

    out_id: str
    biz_id: str
    phone: str
    template: str
    text: str
    at: float
    row: Row
    state: int = 3
    seen_from: float = 0.0
    size: int = 1
    told: int = 0  # reports that were taken


class SmsSim(SimParty):
    """Own misfortunes: limits of the provider; `unseen`: sent, but its list shows it only `seconds` later."""

    name: ClassVar[str] = "sms"
    default_port: ClassVar[int] = 8751
    own_refusals: ClassVar[frozenset[str]] = frozenset({"flow_control", "throttled", "black_list"})
    own_faults: ClassVar[frozenset[str]] = frozenset({"unseen", "undelivered"})
    title = said.TITLE
    ops_said = said.OPS
    faults_said = said.FAULTS
    acts_said = said.ACTS

    def __init__(self, world: SimWorld) -> None:
        super().__init__(world)
        common = (COMMON - CALLBACKS - BREAKS) | set(WHEN) | set(WHAT)
        self.faults = Faults(common | self.own_refusals | self.own_faults)
        self.gate = Gate(world)
        self.report_key = world.keys.secret("sms_report")
        self.reset()

    def reset(self) -> None:
        """Nothing sent; 50 a day to one phone; reports go to the engine that was named at the start."""
        self.sent: list[Message] = []
        self.day_limit = 50
        self.report_url = ""
        self.courier = Courier(self)
        self.gate.seen.clear()

    def op_of(self, req: Req) -> str:
        return req.headers.get("x-acs-action") or req.path

    def match_of(self, op: str, req: Req) -> dict[str, str]:
        """no (OutId), phone, template."""
        fields = dict(parse_qsl(req.body.decode("utf-8", "replace")))
        phone = fields.get("PhoneNumbers") or fields.get("PhoneNumber", "")
        return {"no": fields.get("OutId", ""), "phone": phone, "template": fields.get("TemplateCode", "")}

    def serve(self, op: str, req: Req) -> Resp:
        if req.path != "/" or req.method != "POST":
            return text_resp("Not Found", 404)
        try:
            action, fields = self.gate.opened(req)
            run = self._doors().get(action)
            if run is None:
                raise Refusal("InvalidAction.NotFound", "Specified api is not found.", 404).at("x-acs-action")
            return self._reply("OK", "OK", 200, run(fields))
        except Refusal as no:
            self.objected(no.objection(no.code, no.text))
            return self._reply(no.code, no.text, no.status, {})

    def _doors(self) -> dict[str, Callable[[dict[str, str]], dict[str, Any]]]:
        return {"SendSms": self._send, "QuerySendDetails": self._details}

    def _reply(self, code: str, text: str, status: int, more: dict[str, Any]) -> Resp:
        request_id = f"R{self.world.rng.getrandbits(48):012X}"
        return json_resp({"Code": code, "Message": text, "RequestId": request_id, **more}, status)

    def break_reply(self, kind: str, op: str, req: Req, resp: Resp | None) -> Resp:
        return self._reply(*_REFUSALS[kind], {})

    # The services

    def _send(self, fields: dict[str, str]) -> dict[str, Any]:
        phone, code = fields.get("PhoneNumbers", ""), fields.get("TemplateCode", "")
        if not _PHONE.fullmatch(phone):
            raise Refusal("isv.MOBILE_NUMBER_ILLEGAL", "手机号码格式错误").at("PhoneNumbers", "11 digits", phone)
        if fields.get("SignName") != SIGN:
            raise Refusal("isv.SMS_SIGNATURE_ILLEGAL", "短信签名不合法").at("SignName", SIGN, fields.get("SignName"))
        if code not in TEMPLATES:
            wrong = Refusal("isv.SMS_TEMPLATE_ILLEGAL", "该账号下找不到对应模板")
            raise wrong.at("TemplateCode", ", ".join(TEMPLATES), code)
        text = self._filled(TEMPLATES[code], fields.get("TemplateParam", ""))
        if sum(one.phone == phone and self._day(one.at) == self._day() for one in self.sent) >= self.day_limit:
            raise Refusal("isv.BUSINESS_LIMIT_CONTROL", f"触发天级流控Permits:{self.day_limit}")
        out_id, biz_id = fields.get("OutId", ""), f"{self.world.rng.getrandbits(40)}^0"
        row = self.ledger.add("message", no=out_id, party_no=biz_id, ref=code)
        made = Message(out_id, biz_id, phone, code, text, self.world.now(), row)
        unseen = self.take_fault("SendSms", "unseen", no=out_id)
        made.seen_from = made.at + (unseen or 0.0)
        if self.take_fault("SendSms", "undelivered", no=out_id) is not None:
            made.state = 2
        self.sent.append(made)
        self.courier.tell(made)
        return {"BizId": biz_id}

    def _filled(self, template: str, given: str) -> str:
        try:
            values = loads(given or "{}")
        except ValueError:
            values = None
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise Refusal("isv.INVALID_JSON_PARAM", "参数格式错误").at("TemplateParam", "JSON of texts", given)
        wanted = _HOLE.findall(template)
        if missing := [name for name in wanted if not values.get(name)]:
            wrong = Refusal("isv.TEMPLATE_MISSING_PARAMETERS", f"模板变量缺少参数{missing[0]}")
            raise wrong.at("TemplateParam", ", ".join(wanted), given)
        if long := [name for name in wanted if len(values[name]) > LONGEST]:
            wrong = Refusal("isv.PARAM_LENGTH_LIMIT", f"变量{long[0]}长度受限")
            raise wrong.at("TemplateParam", f"{LONGEST} characters each")
        return _HOLE.sub(lambda hole: str(values[hole[1]]), template)

    def _day(self, at: float | None = None) -> str:
        return self.world.rfc3339(at)[:10].replace("-", "")

    def _details(self, fields: dict[str, str]) -> dict[str, Any]:
        try:
            size, page = int(fields.get("PageSize", "")), int(fields.get("CurrentPage", ""))
        except ValueError:
            size = page = 0
        if not 1 <= size <= 50 or page < 1:
            raise Refusal("isv.INVALID_PARAMETERS", "参数异常").at("PageSize, CurrentPage", "1 to 50; from 1")
        found = [
            one for one in self.sent
            if one.phone == fields.get("PhoneNumber") and self._day(one.at) == fields.get("SendDate")
            and one.seen_from <= self.world.now()
        ]
        rows = [
            {"PhoneNum": one.phone, "SendStatus": one.state, "OutId": one.out_id, "TemplateCode": one.template,
             "Content": f"【{SIGN}】{one.text}", "SendDate": self.world.rfc3339(one.at)[:19].replace("T", " "),
             "ErrCode": "DELIVERED" if one.state == 3 else "UNDELIVERED"}
            for one in found[(page - 1) * size : page * size]
        ]  # fmt: skip
        return {"TotalCount": str(len(found)), "SmsSendDetailDTOs": {"SmsSendDetailDTO": rows}}

    # The rest

    def card(self, base_url: str) -> dict[str, Any]:
        """Address, account, signature and approved templates."""
        return {
            "base_url": base_url, "host": base_url.partition("://")[2], "access_key_id": self.gate.key_id,
            "access_key_secret": self.gate.secret, "sign_name": SIGN, "templates": TEMPLATES,
            "report_key": self.report_key,
        }  # fmt: skip

    def act(self, body: dict[str, Any]) -> dict[str, Any]:
        """`find` {no}: the texts that went out under a number; `report` {no, delivered?}: push what became of
        it (again); `set` {day_limit?, report_url?}: `report_url` takes the place of /callback/sms of the engine."""
        name = body.get("act")
        if name == "find":
            texts = [one.text for one in self.sent if one.out_id == str(body.get("no", ""))]
            if not texts:
                raise ActRefused("nothing went out under that number")
            return {"no": body["no"], "texts": texts}
        if name == "report":
            return self._report(body)
        if name != "set":
            raise ValueError(f"unknown act {name!r}; there are find, report, set")
        limit, url = body.get("day_limit", self.day_limit), body.get("report_url", self.report_url)
        if body.keys() - {"act", "day_limit", "report_url"}:
            raise ValueError("there are day_limit and report_url")
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 0:
            raise ValueError("day_limit: a whole number")
        if not isinstance(url, str) or (url and not url.startswith("http://")):
            raise ValueError("report_url: an address that begins with http://, or nothing")
        self.day_limit, self.report_url = limit, url
        return {"day_limit": limit, "report_url": url}

    def _report(self, body: dict[str, Any]) -> dict[str, Any]:
        found = [one for one in self.sent if one.out_id == str(body.get("no", ""))]
        delivered = body.get("delivered", True)
        if isinstance(delivered, str):
            delivered = {"true": True, "false": False}.get(delivered, delivered)
        if not isinstance(delivered, bool):
            raise ValueError("delivered: true or false")
        if not found:
            raise ActRefused("nothing went out under that number")
        if not self.courier.address:
            raise ActRefused("nobody was named whom to report to: set report_url")
        for one in found:
            one.state = 3 if delivered else 2
        self.courier.push(found)
        return {"no": body["no"], "delivered": delivered, "messages": len(found)}

    def sections(self) -> list[Section]:
        return said.sections(self)
