"""`/openapi.json`: the settlement API as an outside program needs it, made from the channels and schemas in force.

What a channel listens to, with its schema, is a path; the shapes all settlements share (answer, reason, errors) are
written here once, because they are the public contract and not a channel's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from engine.core.http import HttpReply, HttpRequest
from engine.core.money import AMOUNTS
from engine.pipeline.rejected import SIDES
from engine.runtime import deliver_doc, site_doc
from engine.runtime.interface import tables
from engine.runtime.interface.words import EVENTS, Both
from engine.runtime.replies import RETRY_AFTER, json_reply
from engine.runtime.routes import Route
from engine.site.site import Channel, Hears, Site

Doc = dict[str, Any]
_FEN = {"type": "integer", "description": "分 · fen"}
_TEXT = {"type": "string"}
_STATES = ("working", "quoted", "paying", "settled", "undone", "rejected", "manual", "busy")
_STATUS = {
    "200": "quoted, paying, settled, undone, rejected, manual",
    "202": "working：仍在办理，用 GET 查询 · still working, ask with GET",
    "400": "请求不合规范，reason 指明字段 · malformed, reason names the field",
    "401": "签名、时间或随机数不对 · unsigned, stale or replayed",
    "403": "没有权限 · out of scope",
    "404": "没有这个结算单 · no such settlement",
    "405": "方法不对，Allow 写明可用的 · another method, Allow names those that are",
    "409": "busy、同号不同内容，或此时不能这样做（reason）· busy, other content, or not possible now (reason)",
    "413": "请求过大 · too large",
    "429": "过于频繁（E-RATE），Retry-After 秒后再来 · too many (E-RATE), come again after Retry-After seconds",
    "503": "暂时不能受理，未发生扣费，Retry-After 秒后再来 · cannot take work now, nothing was charged; Retry-After",
}
_STATUS_OF_ANSWER = {
    "422": "对方拒绝，reason 是对方的话 · the party refused, in its own words",
    "502": "对方没有应答或应答不合规范 · the party did not answer, or not as agreed",
}
_SIGNING = (
    "X-Signature：HMAC-SHA256(客户端密钥, 方法\\n路径[?查询]\\n时间戳\\n随机数\\nhex(SHA-256(正文))) 的小写十六进制。"
    "lower-case hex HMAC-SHA256 over METHOD, PATH[?QUERY], TIMESTAMP, NONCE, hex(SHA-256(body)), joined by newlines."
)


def document(site: Site) -> Doc:
    """The OpenAPI 3.1 document of a site."""
    paths: Doc = {}
    for channel in site.channels.values():
        if channel.kind == "settle":
            _settle_paths(site, channel, paths)
        elif channel.kind == "answer":
            _answer_path(site, channel, paths)
    paths |= site_doc.paths() | deliver_doc.paths(site)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{site.engine.name} · 结算接口 Settlement API",
            "version": site.content_hash[:12],
            "description": f"金额均为整数分。Amounts are integer fen. {_SIGNING}",
        },
        "paths": paths,
        "components": {
            "schemas": {"Settlement": _settlement(), "Reason": _reason()},
            "securitySchemes": {
                name: {"type": "apiKey", "in": "header", "name": name}
                for name in ("X-Client", "X-Timestamp", "X-Nonce", "X-Signature")
            },
        },
        "security": [{"X-Client": [], "X-Timestamp": [], "X-Nonce": [], "X-Signature": []}],
        "x-error-codes": {row.code: _said(row) for row in tables.errors(site)},
    }


def _said(row: tables.ErrorRow) -> Doc:
    return {"zh": row.says.zh, "en": row.says.en, "side": row.side, "next": row.next.zh, "next_en": row.next.en}


def _settle_paths(site: Site, channel: Channel, paths: Doc) -> None:
    listen = channel.listen
    assert listen is not None, "a settle channel listens"
    post = _operation(channel.title, channel.name, _schema(site, str(listen.schema)))
    paths.setdefault(listen.request.path, {})[listen.request.method.lower()] = post
    for hears in channel.hears:
        if hears.request is not None:
            _hears(site, channel, hears, paths)
    if "/v1/settlements/{no}" in paths:
        return
    show = _operation("查询结算 · show a settlement", "show", None, no=True)
    wait = {"type": "integer", "minimum": 0, "maximum": 60}
    show["parameters"].append({"name": "wait", "in": "query", "required": False, "schema": wait})
    paths["/v1/settlements/{no}"] = {"get": show}
    backwards = (
        ("cancel", "取消结算 · cancel"),
        ("refund", "退费（整单） · refund the whole bill"),
        ("resolve", "人工处理（权限 operate） · a person decides (scope operate)"),
    )
    for what, zh in backwards:
        path = f"/v1/settlements/{{no}}/{what}" + ("s" if what == "refund" else "")
        paths[path] = {"post": _operation(zh, what, _schema(site, f"{what}_request"), no=True)}


def _hears(site: Site, channel: Channel, hears: Hears, paths: Doc) -> None:
    """An event's address, which channels share: where they take other requests, one of them fits (`anyOf`)."""
    assert hears.request is not None
    about = EVENTS.get(hears.event, Both(hears.event, hears.event))
    schema = {**_schema(site, hears.schema), "x-channels": [channel.name]}
    methods, method = paths.setdefault(hears.request.path, {}), hears.request.method.lower()
    if method not in methods:
        methods[method] = _operation(f"{about.zh} · {about.en}", hears.event, schema, no=True)
        return
    content = methods[method]["requestBody"]["content"]["application/json"]
    kinds = content["schema"].get("anyOf", [content["schema"]])
    same = next((one for one in kinds if _but_channels(one) == _but_channels(schema)), None)
    if same is not None:
        same["x-channels"].append(channel.name)
    else:
        content["schema"] = {"anyOf": [*kinds, schema]}


def _but_channels(schema: Doc) -> Doc:
    return {key: value for key, value in schema.items() if key != "x-channels"}


def _answer_path(site: Site, channel: Channel, paths: Doc) -> None:
    listen = channel.listen
    assert listen is not None, "an answer channel listens"
    asked = _schema(site, str(listen.schema))
    posted = listen.request.method == "POST"
    operation = _operation(channel.title, channel.name, asked if posted else None)
    operation["responses"]["200"] = {
        "description": channel.title,
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
    fault = {"application/json": {"schema": {"type": "object", "properties": {"reason": _reason()}}}}
    for status, text in _STATUS_OF_ANSWER.items():
        operation["responses"][status] = {"description": text, "content": fault}
    operation["parameters"] = [
        {"name": name, "in": "query", "required": name in asked.get("required", []), "schema": schema}
        for name, schema in asked.get("properties", {}).items()
        if not posted
    ]
    paths.setdefault(listen.request.path, {})[listen.request.method.lower()] = operation


def _operation(summary: str, name: str, body: Doc | None, *, no: bool = False) -> Doc:
    settlement = {"application/json": {"schema": {"$ref": "#/components/schemas/Settlement"}}}
    operation: Doc = {
        "summary": summary,
        "operationId": name,
        "parameters": [],
        "responses": {status: {"description": text, "content": settlement} for status, text in _STATUS.items()},
    }
    for status in RETRY_AFTER:
        operation["responses"][str(status)]["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    if no:
        operation["parameters"].append({"name": "no", "in": "path", "required": True, "schema": _TEXT})
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation


def _schema(site: Site, name: str) -> Doc:
    found: Doc = json.loads(site.files[f"schemas/{name}.json"])
    return {key: value for key, value in found.items() if key != "$schema"}


_PAY = ("kind", "qr", "sheet", "url", "order", "until")


def _settlement() -> Doc:
    amounts = dict.fromkeys(AMOUNTS, _FEN)
    return {
        "type": "object",
        "description": "没有的字段不出现 · absent fields are left out",
        "properties": {
            "settlement_no": _TEXT,
            "request_no": _TEXT,
            "state": {"enum": list(_STATES)},
            "amounts": {"type": "object", "properties": amounts},
            "expires_at": {"type": "string", "format": "date-time"},
            "pay": {"type": "object", "properties": dict.fromkeys(_PAY, _TEXT)},
            "numbers": {"type": "object", "additionalProperties": _TEXT},
            "invoice": {"type": "object", "additionalProperties": _TEXT},
            "give_back": {
                "type": "object",
                "description": "终端收的款，要由终端退给患者 · taken by the terminal, to be given back by it",
                "properties": {"kind": _TEXT, "no": _TEXT, "amount": _FEN},
            },
            "deposit": {
                "type": "object",
                "description": "住院预交金：已缴、抵扣、要收、应退（分） · deposits: paid, used, to collect, to return",
                "properties": dict.fromkeys(("paid", "used", "collect", "back"), _FEN),
            },
            "reason": {"$ref": "#/components/schemas/Reason"},
            "field": {"type": "string", "description": "400、E-REPEAT-DIFFERS：有误的字段 · the field at fault"},
            "fields": {
                "type": "array",
                "items": _TEXT,
                "description": "400：全部有误的字段；随别的字段而定的，其余都对了才列出"
                " · all fields at fault; what depends on another field is told once the rest is right",
            },
        },
    }


def _reason() -> Doc:
    fields: Doc = dict.fromkeys(("code", "zh", "en", "next", "next_en", "field"), _TEXT)
    return {"type": "object", "properties": {**fields, "side": {"enum": list(SIDES)}}}


def routes(site: Callable[[], Site]) -> list[Route]:
    """`GET /openapi.json`, without a signature: it holds nothing secret."""

    def show(request: HttpRequest, parts: Mapping[str, str]) -> HttpReply:
        return json_reply(200, document(site()))

    return [Route("GET", "/openapi.json", show, "openapi", 0)]
