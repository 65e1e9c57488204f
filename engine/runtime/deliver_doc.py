"""The doors of deliver channels, for `/openapi.json`: messages by JSON, and a person's hand on them."""

from __future__ import annotations

import json
from typing import Any

from engine.site.site import Site

Doc = dict[str, Any]
_TEXT = {"type": "string"}
_BY = {"type": "string", "minLength": 1, "description": "谁 · who"}
_REASON = {"type": "string", "minLength": 1, "description": "为何 · why"}
_STATUS = {
    "400": "请求不合规范，reason 指明字段 · malformed, reason names the field",
    "401": "签名、时间或随机数不对 · unsigned, stale or replayed",
    "403": "没有权限 · out of scope",
    "404": "没有这条消息或通道 · no such message or channel",
    "409": "现在不能这样做，reason 说明 · not possible now, reason says why",
    "503": "暂时不能受理 · cannot take work now",
}
_HANDS: dict[str, tuple[str, str, Doc]] = {
    "/v1/deliver/switch": (
        "deliver_switch", "暂停、停用或恢复一个通道或一方（权限 operate） · pause, kill or resume",
        {"what": {**_TEXT, "description": "channel NAME | party NAME"}, "state": {"enum": ["", "paused", "killed"]}},
    ),
    "/v1/deliver/replay": (
        "deliver_replay", "成批重发，dry_run 只数不发（权限 operate） · replay in bulk",
        {"channel": _TEXT, "state": _TEXT, "kind": _TEXT, "since": {"type": "number"}, "until": {"type": "number"},
         "dest": _TEXT, "dry_run": {"type": "boolean"}},
    ),
    "/v1/deliver/messages/{no}/resend": (
        "deliver_resend", "重发一条，可改正文（权限 operate） · send one again, edited if wanted",
        {"dest": _TEXT, "body": _TEXT},
    ),
    "/v1/deliver/messages/{no}/body": (
        "deliver_body",
        "取出一条的原文以便修改，留有记录（权限 operate） · its true text, to be edited; kept who read it", {},
    ),
    "/v1/deliver/messages/{no}/discard": (
        "deliver_discard", "放弃一条死信（权限 operate） · give a dead letter up", {"dest": _TEXT},
    ),
}  # fmt: skip


def paths(site: Site) -> Doc:
    """Path → operations: what every site has, and one for each channel that takes messages by JSON."""
    found = {path: {"post": _operation(name, about, body)} for path, (name, about, body) in _HANDS.items()}
    for channel in site.channels.values():
        spec = channel.deliver
        if spec is not None and spec.request is not None:
            schema = json.loads(site.files[f"schemas/{spec.schema}.json"])
            operation = _operation(channel.name, channel.title, {})
            operation["requestBody"] = _body({key: value for key, value in schema.items() if key != "$schema"})
            found.setdefault(str(spec.request.path), {})[spec.request.method.lower()] = operation
    return found


def _operation(name: str, summary: str, fields: Doc) -> Doc:
    fault = {"type": "object", "properties": {"reason": {"$ref": "#/components/schemas/Reason"}}}
    responses: Doc = {"200": {"description": summary, "content": {"application/json": {"schema": {"type": "object"}}}}}
    for status, text in _STATUS.items():
        responses[status] = {"description": text, "content": {"application/json": {"schema": fault}}}
    number = [{"name": "no", "in": "path", "required": True, "schema": _TEXT}]
    one = name in ("deliver_resend", "deliver_discard", "deliver_body")
    made: Doc = {"summary": summary, "operationId": name, "parameters": number if one else [], "responses": responses}
    if fields or name == "deliver_body":
        names = {**fields, "by": _BY, "reason": _REASON}
        made["requestBody"] = _body({"type": "object", "properties": names, "required": ["by", "reason"]})
    return made


def _body(schema: Doc) -> Doc:
    return {"required": True, "content": {"application/json": {"schema": schema}}}
