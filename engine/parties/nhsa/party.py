"""The insurance platform as a party: the a1 envelope around `input`, and back."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from engine.codecs import json_text
from engine.core.http import HttpReply, HttpRequest
from engine.core.times import beijing
from engine.parties import wire
from engine.parties.contract import About, Answer, Heard, NotHeard, Outgoing
from engine.parties.nhsa import files, gateways, operations, outcomes
from engine.parties.nhsa.settings import Settings

_ZIP: Final = b"PK"  # a file; an error of 9102 is JSON
# Envelope fields a send map may set beside `input`; all others come from the connection.
# The operator is the one who signed in, so he is the connection's.
FROM_MAP: Final = ("insuplc_admdvs", "recer_sys_code", "dev_no", "cainfo", "opter_type", "opter_name")
_WITHOUT_PERSON: Final = frozenset({
    "9001", "9002", "9101", "9102", "1101", "1201", "1304", "1312", "1316", "1317", "1318", "1319", "1901", "3201",
    "3202", "3301", "3302", *operations.DIRECTORIES,
})  # fmt: skip
_SERVICES: Final = {operations.EC_QUERY: "1162"}  # operations that are no transaction of the interface, by infno
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
        tree = _ec_query(call, settings) if call.op == operations.EC_QUERY else self._envelope(call, settings)
        body = json_text.print_json(tree)
        headers = gateways.PROFILES[settings.profile](settings, body, call.now, call.nonce)
        return HttpRequest("POST", self._path(call.op, settings), (("Content-Type", wire.JSON), *headers), body)

    def _path(self, op: str, settings: Settings) -> str:
        tail = {"path": settings.paths.get(op, operations.PATHS[op]), "infno": f"/{_SERVICES.get(op, op)}", "base": ""}
        return settings.prefix + tail[settings.path_template] or "/"

    def _envelope(self, call: Outgoing, settings: Settings) -> dict[str, Any]:
        body = wire.body_of(call)
        unknown = set(body) - {"input", *FROM_MAP} - ({"columns"} if call.op == "9102" else set())
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
        envelope["input"] = _input(call, settings, body["input"])
        return envelope

    def read(self, call: Outgoing, request: HttpRequest, reply: HttpReply) -> Answer:
        if reply.status != 200:
            return wire.not_intact(f"HTTP {reply.status}")
        if call.op == "9102" and reply.body.startswith(_ZIP):
            return _file(call, reply)
        tree = wire.object_of(reply.body)
        if isinstance(tree, str):
            return wire.not_intact(tree)
        code = tree.get("code" if call.op == operations.EC_QUERY else "infcode")
        if isinstance(code, bool) or not isinstance(code, int | str) or str(code).strip() == "":
            return wire.not_intact("no infcode")
        code = str(code).strip()
        if code == "0" and call.op == operations.EC_QUERY:
            found = tree.get("data")
            return Answer(True, code, "", found) if isinstance(found, dict) else wire.not_intact("code 0 but no data")
        if code == "0":
            return wire.not_intact("infcode 0 but no file") if call.op == "9102" else self._good(call, tree)
        text = _text(tree.get("err_msg")) or _text(tree.get("message"))
        lost = call.op not in ("9001", operations.EC_QUERY) and any(words in text for words in outcomes.SESSION_LOST)
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


def _input(call: Outgoing, settings: Settings, given: dict[str, Any]) -> dict[str, Any]:
    """`input` with what only the connection knows: who signs in and out, and a file's bytes."""
    if call.op == "9001":
        who = {"opter_no": settings.opter, "mac": settings.mac, "ip": settings.ip}
        return {**given, "signIn": {**who, **given.get("signIn", {})}}
    if call.op == "9002":
        who = {"sign_no": call.session.get("sign_no", ""), "opter_no": settings.opter}
        return {**given, "signOut": {**who, **given.get("signOut", {})}}
    if call.op == "9101":
        node = dict(given.get("fsUploadIn", {}))
        rows, name = node.pop("rows", None), node.get("filename")
        if not isinstance(rows, list) or not isinstance(name, str) or not name:
            raise ValueError("9101: the send map makes input.fsUploadIn with filename and rows")
        data = files.packed(name, rows, settings)
        return {**given, "fsUploadIn": {"in": data, "fixmedins_code": settings.fixmedins_code, **node}}
    return given


def _ec_query(call: Outgoing, settings: Settings) -> dict[str, Any]:
    """The 电子凭证's own envelope; the send map makes `data` (and `extra`)."""
    body = wire.body_of(call)
    if not isinstance(body.get("data"), dict) or set(body) - {"data", "extra"}:
        raise ValueError(f"{call.op}: the send map makes `data` and `extra`")
    who = {"orgId": settings.fixmedins_code, "operatorId": settings.opter, "operatorName": settings.opter_name}
    return {
        "orgId": settings.fixmedins_code, "transType": call.op, "data": {**who, **body["data"]},
        "extra": body.get("extra", {}),
    }  # fmt: skip


def _file(call: Outgoing, reply: HttpReply) -> Answer:
    columns = call.body.get("columns", ()) if isinstance(call.body, dict) else ()
    try:
        return Answer(True, "0", "", files.unpacked(reply.body, call.settings, [int(one) for one in columns]))
    except files.NoFile as no:
        return wire.not_intact(str(no))


def _listed(output: Any, name: str) -> dict[str, Any]:
    """The output with the list under its name; 5204 answers the bare list."""
    made = dict(output) if isinstance(output, dict) else {name: output}
    rows = made.get(name)
    made[name] = rows if isinstance(rows, list) else [] if rows is None else [rows]
    return made


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


PARTY: Final = Nhsa()
