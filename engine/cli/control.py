"""A signed request to the running engine of a folder: how commands do what only the engine itself may do."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import ssl
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from engine.cli.folder import node_file, node_file_of, reading
from engine.cli.say import CannotRun, WrongUse
from engine.config.engine_file import EngineFile
from engine.config.listener_parts import Listener
from engine.config.secret import SecretMissing, resolve_secret
from engine.core.world import World
from engine.runtime.site_api import TEXT_MAX
from engine.store.site_versions import in_force, version_files

WAIT = 120.0  # seconds for the engine's answer


def signed_by(by: str, reason: str) -> None:
    """WrongUse for a name or a reason the engine would not take: before conversations are played for seconds."""
    for name, value in (("by", by), ("reason", reason)):
        if not 1 <= len(value.strip()) <= TEXT_MAX[name]:
            raise WrongUse(f"--{name}: 1–{TEXT_MAX[name]} 个字符 · characters")


def ask(
    root: Path, scope: str, path: str, body: Mapping[str, Any] | None, world: World
) -> tuple[int, dict[str, Any]]:
    """POST this body (GET without one) as the folder's client with this scope: (HTTP status, answer).

    CannotRun when no client has the scope, its secret cannot be read, nobody answers, or who answers is not this
    folder's engine.
    """
    file = _file_in_force(root)
    client = next((name for name, one in file.clients.items() if scope in one.scopes), "")
    doors = [one for one in file.listeners.values() if one.http is not None][:1]  # where the engine's own routes are
    if not client or not doors:
        raise CannotRun(f"engine.yaml 中没有权限为 {scope} 的客户端 · no client of engine.yaml has the scope {scope}")
    url, trust = _way(root, doors[0])
    try:
        secret = resolve_secret(file.clients[client].secret, root)
    except SecretMissing as no_secret:
        raise CannotRun(str(no_secret)) from None
    content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
    method = "GET" if body is None else "POST"
    stamp, nonce = str(int(world.wall())), world.nonce()
    text = f"{method}\n{path}\n{stamp}\n{nonce}\n{hashlib.sha256(content).hexdigest()}"
    headers = {
        "Content-Type": "application/json",
        "X-Client": client,
        "X-Timestamp": stamp,
        "X-Nonce": nonce,
        "X-Signature": hmac.new(secret, text.encode(), hashlib.sha256).hexdigest(),
    }
    request = urllib.request.Request(url + path, content or None, headers, method=method)  # noqa: S310 http
    try:
        with urllib.request.urlopen(request, timeout=WAIT, context=trust) as reply:  # noqa: S310 our own engine's address
            return int(reply.status), _answer(reply.read(), url)
    except urllib.error.HTTPError as refused:
        if refused.code == HTTPStatus.UNAUTHORIZED:
            raise CannotRun(
                f"{url} 的引擎不认 {client} 的签名：是这个目录的引擎吗（--root）？密钥相同吗？时钟对吗（300 秒内）？ · "
                f"the engine at {url} does not take {client}'s signature: is it this folder's engine (--root), "
                "has it the same secret, are the clocks less than 300 s apart?"
            ) from None
        return int(refused.code), _answer(refused.read(), url)
    except http.client.HTTPException:
        raise _stranger(url) from None
    except OSError as lost:
        told = f"引擎没有应答，它在运行吗？ · the engine does not answer, is it running? {lost}"
        raise CannotRun(f"{told}\n  engine run --root {root}") from None


def _file_in_force(root: Path) -> EngineFile:
    """engine.yaml as the running engine has it: the folder's may already name another address."""
    try:
        with reading(root) as conn:
            turn = in_force(conn)
            files = version_files(conn, turn) if turn is not None else None
    except CannotRun:
        files = None
    return node_file(root) if files is None else node_file_of(root, files["engine.yaml"])


def _way(root: Path, door: Listener) -> tuple[str, ssl.SSLContext | None]:
    """The address of the running engine, and whom to trust there: its own certificate and no other."""
    assert door.http is not None, "only listeners with an HTTP address are asked"
    if door.tls is None:
        return _url("http", *door.http), None
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.check_hostname = False  # we call by the address it listens at; the certificate itself is compared
    trust.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    try:
        trust.load_verify_locations(cadata=resolve_secret(door.tls.certificate, root).decode("ascii"))
        if door.tls.ca is not None:  # clients must show one too: the engine's own, if they trust its authority
            own = [resolve_secret(ref, root) for ref in (door.tls.certificate, door.tls.key)]
            _show(trust, *own)
    except (SecretMissing, OSError, ValueError) as no:
        raise CannotRun(str(no)) from None
    return _url("https", *door.http), trust


def _show(trust: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """The standard library reads certificates from files only."""
    with tempfile.NamedTemporaryFile(suffix=".pem") as both:
        both.write(certificate + b"\n" + key)
        both.flush()
        trust.load_cert_chain(both.name)


def _url(scheme: str, host: str, port: int) -> str:
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 where one listens is not where one calls
    host = anywhere.get(host, host)
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _answer(body: bytes, url: str) -> dict[str, Any]:
    """What the engine said; CannotRun for what no engine says."""
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise _stranger(url)
    return told


def _stranger(url: str) -> CannotRun:
    return CannotRun(f"{url} 应答的不是引擎 · what answers at {url} is no engine")


def reason_line(answer: Mapping[str, Any], status: int) -> str:
    """What the engine said, in both languages, in one text."""
    reason = answer.get("reason", {})
    if "zh" not in reason:
        return f"{reason.get('code', status)}"
    told = f"{reason['code']}  {reason['zh']} · {reason['en']}"
    then = " · ".join(filter(None, (reason.get("next"), reason.get("next_en"))))
    return f"{told}\n  {then}" if then else told
