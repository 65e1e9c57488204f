"""The insurance platform as a party: the a1 envelope around `input`, and back."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from engine.codecs import json_text
from engine.core.http import HttpReply, HttpRequest
from engine.core.times import beijing
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Outgoing
from engine.parties.nhsa import gateways, operations, outcomes
from engine.parties.nhsa.settings import Settings

# Envelope fields a send map may set beside `input`; all others come from the connection.
# The operator is the one who signed in, so he is the connection's.
FROM_MAP: Final = ("insuplc_admdvs", "recer_sys_code", "dev_no", "cainfo", "opter_type", "opter_name")
_WITHOUT_PERSON: Final = frozenset({"9001", "9002", "1101", "1201", "3201"})
_NEEDS_KEY: Final = {"tif": ("access_key", "secret"), "csb": ("access_key", "secret"), "x-ca": ("secret",),
                     "apikey": ("secret",)}  # fmt: skip


class Nhsa:
    """The send map makes `{"insuplc_admdvs": …, "input": {node: {…}}}`; read maps see the reply's `output`."""

    kind = "nhsa"
    about = About("insurance", "医保平台", "the insurance platform", role="insurance", simulator="insurance")
    settings: type[BaseModel] = Settings
    ops = operations.OPS
    outcomes = outcomes.OUTCOMES

    def open(self, settings: Settings) -> Settings:
        for field in _NEEDS_KEY.get(settings.profile, ()):
            if not getattr(settings, field):
                raise ValueError(f"{field}: the gateway profile {settings.profile} needs it")
        for code, path in settings.paths.items():
            if code not in self.ops or not path.startswith("/"):
                raise ValueError(f"paths: {code}: {path}: a known transaction and a path from / are wanted")
        return settings

    def build(self, call: Outgoing) -> HttpRequest:
        settings = call.settings
        body = json_text.print_json(self._envelope(call, settings))
        headers = gateways.PROFILES[settings.profile](settings, body, call.now, call.nonce)
        return HttpRequest("POST", self._path(call.op, settings), (("Content-Type", wire.JSON), *headers), body)

    def _path(self, op: str, settings: Settings) -> str:
        tail = {"path": settings.paths.get(op, operations.PATHS[op]), "infno": f"/{op}", "base": ""}
        return settings.prefix + tail[settings.path_template] or "/"

    def _envelope(self, call: Outgoing, settings: Settings) -> dict[str, Any]:
        body = wire.body_of(call)
        unknown = set(body) - {"input", *FROM_MAP}
        if unknown or not isinstance(body.get("input"), dict):
            raise ValueError(f"{call.op}: the send map makes `input` and of the envelope only {FROM_MAP}")
        if call.op not in _WITHOUT_PERSON and not body.get("insuplc_admdvs"):
            raise ValueError(f"{call.op}: insuplc_admdvs is required as soon as a person is named")
        envelope: dict[str, Any] = {
            "infno": call.op,
            "msgid": call.number,
            "mdtrtarea_admvs": settings.mdtrtarea_admvs,
            "insuplc_admdvs": "",
            "recer_sys_code": settings.recer_sys_code,
            "dev_no": settings.dev_no,
            "dev_safe_info": "",
            "cainfo": "",
            "signtype": settings.signtype,
            "infver": settings.infver,
            "opter_type": settings.opter_type,
            "opter": settings.opter,
            "opter_name": settings.opter_name,
            "inf_time": beijing(call.now),
            "fixmedins_code": settings.fixmedins_code,
            "fixmedins_name": settings.fixmedins_name,
            "sign_no": call.session.get("sign_no", ""),
        }
        envelope.update({name: body[name] for name in FROM_MAP if name in body})
        envelope["input"] = body["input"]
        if call.op == "9001":
            who = {"opter_no": settings.opter, "mac": settings.mac, "ip": settings.ip}
            envelope["input"] = {**body["input"], "signIn": {**who, **body["input"].get("signIn", {})}}
        return envelope

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        if reply.status != 200:
            return wire.not_intact(f"HTTP {reply.status}")
        tree = wire.object_of(reply.body)
        if isinstance(tree, str):
            return wire.not_intact(tree)
        code = tree.get("infcode")
        if isinstance(code, bool) or not isinstance(code, int | str) or str(code).strip() == "":
            return wire.not_intact("no infcode")
        code = str(code).strip()
        if code == "0":
            return self._good(call, tree)
        text = _text(tree.get("err_msg")) or _text(tree.get("message"))
        lost = call.op != "9001" and any(words in text for words in outcomes.SESSION_LOST)
        return Answer(intact=True, code=code, text=text, body=tree.get("output"), session_lost=lost)

    def _good(self, call: Outgoing, tree: dict[str, Any]) -> Answer:
        output = {} if tree.get("output") is None else tree["output"]
        node = operations.NODES.get(call.op)
        if node is not None and not (isinstance(output, dict) and output.get(node)):
            return wire.not_intact(f"infcode 0 but no {node}")
        if call.op in operations.LISTS:
            output = _listed(output, operations.LISTS[call.op])
        return Answer(intact=True, code="0", text=_text(tree.get("warn_msg")), body=output)

    def verify(self, settings: Settings, request: HttpRequest, now: float) -> Heard | NotHeard:
        return wire.no_callbacks(settings, request, now)


def _listed(output: Any, name: str) -> dict[str, Any]:
    """The output with the list under its name; 5204 answers the bare list."""
    made = dict(output) if isinstance(output, dict) else {name: output}
    rows = made.get(name)
    made[name] = rows if isinstance(rows, list) else [] if rows is None else [rows]
    return made


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


PARTY: Final = Nhsa()
