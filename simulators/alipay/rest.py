"""The platform's second protocol: `/v3/…` with JSON bodies, the signature in the header Authorization over exactly what
was sent, answers signed in headers, and a no as an HTTP status with a code."""

from __future__ import annotations

import json
from typing import Any

from simulators.alipay import hidden
from simulators.alipay.identity import Identity, sign, verify
from simulators.alipay.reasons import Refusal
from simulators.base.wire import Req, Resp
from simulators.base.world import SimWorld

ROOT = "/v3/alipay/"
SCHEME = "ALIPAY-SHA256withRSA "
CLOCK_TOLERANCE = 600.0
BY_GET = frozenset({"alipay.data.dataservice.bill.downloadurl.query", "alipay.fund.auth.operation.detail.query"})
NOT_BY_POST = frozenset({"alipay.data.dataservice.bill.downloadurl.query"})
LINK = "https://open.alipay.com/api/errCheck?traceId="
# The HTTP status of a no, by its name in reasons.REASONS; every other is 400.
STATUS = {
    "app_id": 401, "sign": 401, "sign_type": 401, "cert": 401, "token": 401, "no_auth": 403, "method": 404,
    "verb": 405, "frequency": 429, "unavailable": 500, "system": 500,
}  # fmt: skip
WAITING = "10003"


def speaks(req: Req) -> bool:
    """Whether a request is of this protocol."""
    return req.path.startswith(ROOT)


def method_of(req: Req) -> str:
    """The gateway's name of the method at a path."""
    return req.path.removeprefix("/v3/").strip("/").replace("/", ".")


def params(req: Req) -> dict[str, str]:
    """Who asks for what, in the gateway's own parameters; nothing checked."""
    said = _authorization(req)
    biz: Any = dict(req.query) if req.method == "GET" else _content(req)
    found = {
        "method": method_of(req), "charset": "utf-8", "app_id": said.get("app_id", ""),
        "app_cert_sn": said.get("app_cert_sn", ""), "notify_url": "",
        "alipay_root_cert_sn": req.headers.get("alipay-root-cert-sn", ""),
        "encrypt_type": req.headers.get("alipay-encrypt-type", ""),
    }  # fmt: skip
    if isinstance(biz, dict):
        found["notify_url"] = str(biz.get("notify_url") or "")
    return {**found, "biz_content": biz if isinstance(biz, str) else json.dumps(biz)}


def _content(req: Req) -> Any:
    if req.headers.get("alipay-encrypt-type"):
        return req.body.decode("latin-1")
    return req.json if req.body else {}


def _authorization(req: Req) -> dict[str, str]:
    text = req.headers.get("authorization", "")
    return dict(pair.partition("=")[::2] for pair in text.removeprefix(SCHEME).split(","))


def authorised(req: Req, identity: Identity, now: float, *, strict_clock: bool) -> None:
    """Whether the sender may ask, and asks as one does; Refusal otherwise."""
    method, header = method_of(req), req.headers.get("authorization", "")
    if req.method not in (("GET", "POST") if method in BY_GET - NOT_BY_POST else _verbs(method)):
        raise Refusal("verb").at("HTTP method", " or ".join(_verbs(method)), req.method)
    if not header.startswith(SCHEME):
        raise Refusal("sign_type").at("Authorization", f"{SCHEME}app_id=…,nonce=…,timestamp=…,sign=…", header)
    said = _authorization(req)
    for name in ("app_id", "nonce", "timestamp", "sign"):
        if not said.get(name):
            raise Refusal("missing", f"缺少{name}参数").at(f"Authorization {name}", "required")
    if said["app_id"] != identity.app_id:
        raise Refusal("app_id").at("app_id", identity.app_id, said["app_id"])
    stamp = said["timestamp"]
    if not (stamp.isascii() and stamp.isdigit()):
        raise Refusal("timestamp").at("timestamp", "unix milliseconds", stamp)
    if strict_clock and abs(int(stamp[:13]) / 1000 - now) > CLOCK_TOLERANCE:
        raise Refusal("timestamp").at("timestamp", f"within {CLOCK_TOLERANCE:.0f} s of the platform's clock", stamp)
    auth = header.removeprefix(SCHEME).rpartition(",sign=")[0]
    token = req.headers.get("alipay-app-auth-token", "")
    content = f"{auth}\n{req.method}\n{req.target}\n".encode("latin-1") + req.body + b"\n"
    content += f"{token}\n".encode() if token else b""
    if not verify(identity.app_public, content, said["sign"]):
        raise Refusal("sign").at("sign", f"SHA256withRSA over {content.decode('utf-8', 'replace')!r}", said["sign"])
    sent = (said.get("app_cert_sn", ""), req.headers.get("alipay-root-cert-sn", ""))
    if any(sent) and sent != (identity.app_cert_sn, identity.root_cert_sn):
        raise Refusal("cert")


def _verbs(method: str) -> tuple[str, ...]:
    return ("GET",) if method in NOT_BY_POST else ("POST",)


def answered(
    world: SimWorld, identity: Identity, form: dict[str, Any], *, waiting: int, certificate: bool, key: str = ""
) -> Resp:
    """The answer: the method's fields alone. `waiting`: the status of what the gateway calls 10003; `key`: hidden."""
    status = waiting if form.get("code") == WAITING else 200
    told = {name: value for name, value in form.items() if name not in ("code", "msg")}
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    if key:
        body = hidden.hide(key, text).encode()
        return signed(world, identity, status, body, certificate=certificate, kind="text/plain")
    return signed(world, identity, status, text.encode("utf-8", "replace"), certificate=certificate)


def refused(world: SimWorld, identity: Identity, refusal: Refusal, *, certificate: bool = False) -> Resp:
    """A no; signed unless the application is unknown."""
    trace = _trace(world)
    code = refusal.sub_code
    for prefix in ("isv.", "isp.", "aop."):
        code = code.removeprefix(prefix)
    form = {"code": code, "message": refusal.words, "links": [{"link": LINK + trace, "desc": "解决方案"}]}
    body = json.dumps(form, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    status = STATUS.get(refusal.name, 400)
    if refusal.name == "app_id":
        return Resp(status, body, {"Content-Type": "application/json;charset=utf-8", "alipay-trace-id": trace})
    return signed(world, identity, status, body, certificate=certificate, trace=trace)


def signed(
    world: SimWorld, identity: Identity, status: int, body: bytes, *, certificate: bool,
    kind: str = "application/json", trace: str = "",
) -> Resp:  # fmt: skip
    """A body with the platform's signature over time, nonce and body."""
    stamp, nonce = str(int(world.signing() * 1000)), f"{world.rng.getrandbits(128):032x}"
    mark = sign(identity.platform_key, f"{stamp}\n{nonce}\n".encode() + body + b"\n")
    return Resp(status, body, {
        "Content-Type": f"{kind};charset=utf-8", "alipay-timestamp": stamp, "alipay-nonce": nonce,
        "alipay-signature": mark, "alipay-trace-id": trace or _trace(world),
        **({"alipay-sn": identity.platform_cert_sn} if certificate else {}),
    })  # fmt: skip


def _trace(world: SimWorld) -> str:
    return f"{world.stamp('%Y%m%d')}{world.rng.getrandbits(40):013d}"
