"""The insurer as an HTTP server: `POST /claims/gateway`, `service` says what is wanted."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from simulators.base.faults import CALLBACKS
from simulators.base.menu import Section
from simulators.base.party import ActRefused, SimParty
from simulators.base.wire import Req, Resp, json_resp, text_resp
from simulators.base.world import SimWorld
from simulators.commercial import said
from simulators.commercial.book import PAID, REVIEW, Book, Claim, fen, yuan
from simulators.commercial.envelope import APP_ID, CLIENT, FORM, HOSPITAL, INSURER, Refusal, Seal

PATH = "/claims/gateway"
_REFUSALS = {
    "refuse_business": ("3007", "需人工核赔，不能直赔"), "not_enough_balance": ("3004", "年度限额已用完"),
    "token_expired": ("4004", "应用授权已过期"),
}  # fmt: skip
_AMOUNTS = ("payAmount",)


class CommercialSim(SimParty):
    """Policies of five people of the town, tried out, claimed and withdrawn.

    Own misfortunes: `review` answers a claim with 1001 and decides it after `seconds`; `review_denied` the same with a
    no. The act `set`: network (the hospital is in it), review (every claim waits for a person at the insurer).
    """

    name: ClassVar[str] = "commercial"
    default_port: ClassVar[int] = 8761
    own_faults: ClassVar[frozenset[str]] = frozenset({"review", "review_denied"})
    title = said.TITLE
    ops_said = said.OPS
    faults_said = said.FAULTS
    acts_said = said.ACTS
    meaningless = CALLBACKS

    def __init__(self, world: SimWorld) -> None:
        super().__init__(world)
        self.seal = Seal(world)
        self.reset()

    def reset(self) -> None:
        """No claims, nothing used of the year."""
        self.book = Book(self)
        self.review = False
        self.seal.seen.clear()

    def op_of(self, req: Req) -> str:
        outer = req.json
        service = outer.get("service") if isinstance(outer, dict) else None
        return service if req.path == PATH and isinstance(service, str) else req.path

    def match_of(self, op: str, req: Req) -> dict[str, str]:
        """no (the hospital's claim number), bill, policy."""
        try:
            body = json.loads(req.json["bizContent"])
            return {"no": str(body.get("claimNo", "")), "bill": str(body.get("billNo", "")),
                    "policy": str(body.get("policyNo", ""))}  # fmt: skip
        except (ValueError, TypeError, KeyError, AttributeError):
            return {}

    def serve(self, op: str, req: Req) -> Resp:
        if req.path != PATH:
            return text_resp("Not Found", 404)
        if req.method != "POST":
            return text_resp("Method Not Allowed", 405)
        try:
            service, body = self.seal.opened(req.json)
            run = _WORK.get(service)
            if run is None:
                raise Refusal("4000", f"服务{service}不存在").at("service", ", ".join(_WORK), service)
            return self._reply(req, *run(self, body))
        except Refusal as no:
            self.objected(no.objection(no.code, no.text))
            return self._reply(req, no.code, no.text, {})

    def _reply(self, req: Req, code: str, text: str, content: dict[str, Any]) -> Resp:
        outer = req.json if isinstance(req.json, dict) else {}
        how = "HMAC" if outer.get("signType") == "HMAC" else "RSA2"
        nonce = outer.get("nonce")
        fields = {
            "code": code, "message": text, "nonce": nonce if isinstance(nonce, str) else "",
            "timestamp": self.world.signing_stamp(), "signType": how,
            "bizContent": json.dumps(content, ensure_ascii=False) if content else "",
        }  # fmt: skip
        return json_resp({**fields, "sign": self.seal.sign(fields, how)})

    def break_reply(self, kind: str, op: str, req: Req, resp: Resp | None) -> Resp:
        """Refusals signed; bad_signature spoils `sign`; wrong_amount tells one fen more."""
        if resp is None:
            return self._reply(req, *_REFUSALS[kind], {})
        outer = json.loads(resp.body)
        if kind == "bad_signature":
            return json_resp({**outer, "sign": outer["sign"][::-1]})
        content = json.loads(outer["bizContent"] or "{}")
        for name in _AMOUNTS:
            if name in content:
                content[name] = yuan(fen(content[name], name) + 1)
        return self._reply(req, outer["code"], outer["message"], content)

    def card(self, base_url: str) -> dict[str, Any]:
        """Address, ids, both ways of signing, and who is insured how."""
        keys = self.world.keys
        return {
            "base_url": base_url, "path": PATH, "app_id": APP_ID, "hospital": HOSPITAL, "secret": self.seal.secret,
            "private_key": keys.private_pem(CLIENT), "insurer_key": keys.public_pem(INSURER),
            "services": list(_WORK), "sign": FORM,
            "policies": [
                {"policy": one.no, "person": one.holder.id, "id_no": one.holder.id_no, "name": one.holder.name,
                 "ratio": one.ratio, "deductible": one.deductible, "limit": one.limit, "pays": not one.why[0]}
                for one in self.book.policies.values()
            ],
        }  # fmt: skip

    def sections(self) -> list[Section]:
        return said.sections(self)

    # The other person

    def act(self, body: dict[str, Any]) -> dict[str, Any]:
        """approve, deny, pay_out {no}; set {review: bool, network: bool}."""
        name = body.get("act")
        if name == "set":
            return self._set({key: value for key, value in body.items() if key != "act"})
        if name not in ("approve", "deny", "pay_out"):
            raise ValueError(f"unknown act {name!r}; there are approve, deny, pay_out, set")
        claim = self.book.claims.get(str(body.get("no", "")))
        if claim is None:
            raise ActRefused("no such claim")
        if claim.state != (PAID if name == "pay_out" else REVIEW):
            raise ActRefused(f"the claim is {claim.state}")
        if name == "pay_out":
            claim.paid_out = True
        else:
            self._decide(claim, approved=name == "approve")
        return {"no": claim.no, "state": claim.state, "paid_out": claim.paid_out}

    def _set(self, values: dict[str, Any]) -> dict[str, Any]:
        if unknown := values.keys() - {"review", "network"}:
            raise ValueError(f"no such setting {', '.join(sorted(unknown))}")
        if not all(isinstance(value, bool) for value in values.values()):
            raise ValueError("review, network: true or false")
        self.review = values.get("review", self.review)
        self.book.network = values.get("network", self.book.network)
        return {"review": self.review, "network": self.book.network}

    def _decide(self, claim: Claim, *, approved: bool) -> None:
        if claim.state == REVIEW:
            (self.book.approve if approved else self.book.reject)(claim)

    # The services

    def policies(self, body: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
        for name in ("idNo", "name"):
            if not isinstance(body.get(name), str) or not body[name]:
                raise Refusal("4000", f"参数{name}不能为空").at(name, "text, required", body.get(name))
        found = [
            {"policyNo": one.no, "product": one.product, "status": one.status, "direct": "0" if one.why[0] else "1"}
            for one in self.book.policies.values()
            if (one.holder.id_no, one.holder.name) == (body.get("idNo"), body.get("name"))
        ]
        return "0000", "成功", {"policies": found}

    def trial(self, body: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
        policy, pay, borne = self.book.worth(body)
        left = policy.limit - policy.paid
        return "0000", "成功", {"policyNo": policy.no, "payAmount": yuan(pay), "deductible": yuan(borne),
                                "ratio": str(policy.ratio), "limitLeft": yuan(left)}  # fmt: skip

    def settle(self, body: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
        fields = {"no": str(body.get("claimNo", ""))}
        slow = self.take_fault("claim.settle", "review", **fields)
        no = self.take_fault("claim.settle", "review_denied", **fields)
        waits = slow if slow is not None else no
        claim = self.book.claim(body, review=self.review or waits is not None)
        if claim.state == REVIEW and waits is not None:
            self.later(waits, lambda: self._decide(claim, approved=slow is not None))
        code, text = ("1001", "已受理，核赔中") if claim.state == REVIEW else ("0000", "成功")
        return code, text, self._told(claim)

    def query(self, body: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
        """By claimNo, or by the withdrawNo of a withdrawal."""
        number = body.get("withdrawNo")
        if number is not None:
            of = self.book.withdrawn.get(str(number))
            if of is None:
                raise Refusal("2004", "撤销号不存在").at("withdrawNo", "a number we were sent", number)
            return "0000", "成功", {"withdrawNo": number, "claimNo": of, "status": "WITHDRAWN"}
        no = str(body.get("claimNo", ""))
        if no in self.book.buried:
            return "0000", "成功", {"claimNo": no, "status": "WITHDRAWN"}
        claim = self.book.claims.get(no)
        if claim is None:
            raise Refusal("2004", "理赔号不存在").at("claimNo", "a number we were sent", no)
        return "0000", "成功", self._told(claim)

    def withdraw(self, body: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
        return "0000", "成功", {"claimNo": body.get("claimNo"), "status": self.book.withdraw(body)}

    def _told(self, claim: Claim) -> dict[str, Any]:
        return {"claimNo": claim.no, "insurerClaimNo": claim.party_no, "policyNo": claim.policy.no,
                "status": claim.state, "payAmount": yuan(claim.pay)}  # fmt: skip


_WORK = {
    "policy.query": CommercialSim.policies,
    "claim.trial": CommercialSim.trial,
    "claim.settle": CommercialSim.settle,
    "claim.query": CommercialSim.query,
    "claim.withdraw": CommercialSim.withdraw,
}
