"""The doors of a person's hand, on the configuration and on tasks, for `/openapi.json`."""

from __future__ import annotations

from typing import Any

Doc = dict[str, Any]
_TEXT = {"type": "string"}
_HASH = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_BY = {"type": "string", "minLength": 1, "maxLength": 64, "description": "谁 · who"}
_REASON = {"type": "string", "minLength": 1, "maxLength": 500, "description": "为何 · why"}
_STATUS = {
    "400": "E-SITE-WRONG：problems 列出全部问题 · lists every problem; E-FIELD",
    "401": "签名、时间或随机数不对 · unsigned, stale or replayed",
    "403": "没有权限 · out of scope",
    "404": "没有这个版本或结算 · no such version or settlement",
    "409": "E-SITE-MOVED (in_force), E-SITE-RESTART, E-SITE-IN-USE, E-SITE-DOOR, E-SITE-KEYS, E-SITE-BUSY, E-ONTO; "
    "E-UNDECIDED, E-TASK-CLOSED",
    "503": "暂时不能受理 · cannot take work now",
}


def paths() -> Doc:
    """Path → operations; scope `operate` sees and moves, scope `admin` changes."""
    version = {
        "type": "object",
        "properties": {
            "seq": {"type": "integer"}, "version": _HASH, "content": _HASH, "base": _TEXT,
            "kind": {"enum": ["start", "apply", "rollback"]}, "by": _TEXT, "reason": _TEXT,
            "at": {"type": "string", "format": "date-time"}, "changed": {"type": "boolean"},
        },
    }  # fmt: skip
    moved = {
        "type": "object",
        "properties": {"settlement_no": _TEXT, "state": _TEXT, "from": _HASH, "onto": _HASH},
    }
    closed = {
        "type": "object", "properties": {"task": _TEXT, "kind": _TEXT, "settlement_no": _TEXT, "closed_by": _TEXT},
    }  # fmt: skip
    change = {"version": _HASH, "base": {**_HASH, "description": "所依据的版本 · the version it was made from"}}
    return {
        "/v1/site": {"get": _operation("现行配置（权限 operate） · the configuration in force", "site", version, {})},
        "/v1/site/apply": {"post": _operation("启用配置（权限 admin） · take one", "site_apply", version, change)},
        "/v1/site/rollback": {"post": _operation("退回（权限 admin） · go back", "site_rollback", version, change)},
        "/v1/settlements/{no}/move": {
            "post": _operation("结算改用另一版本（权限 operate） · move one", "move", moved, {"onto": _HASH}, at="no")
        },
        "/v1/tasks/{id}/close": {
            "post": _operation("关闭一项待办（权限 operate） · close a task", "task_close", closed, {}, at="id")
        },
    }  # fmt: skip


def _operation(summary: str, name: str, answer: Doc, asks: Doc, *, at: str = "") -> Doc:
    operation: Doc = {
        "summary": summary,
        "operationId": name,
        "parameters": [{"name": at, "in": "path", "required": True, "schema": _TEXT}] if at else [],
        "responses": {"200": {"description": summary, "content": {"application/json": {"schema": answer}}}},
    }
    fault = {"type": "object", "properties": {"reason": {"$ref": "#/components/schemas/Reason"}}}
    for status, text in _STATUS.items():
        operation["responses"][status] = {"description": text, "content": {"application/json": {"schema": fault}}}
    if asks or at:
        body = {**asks, "by": _BY, "reason": _REASON}
        schema = {"type": "object", "properties": body, "required": list(body)}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation
