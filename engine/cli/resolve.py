"""`engine resolve`: a person's decision, handed to the running engine through its own signed door."""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.cli.folder import node_file
from engine.cli.say import FOUND, GOOD, CannotRun, WrongUse, document
from engine.config.secret import SecretMissing, resolve_secret
from engine.core.digest import digest_of
from engine.core.world import World

WORDS = ("done", "not_done", "again")
WAIT = 60.0  # seconds for the engine's answer


def resolve(root: Path, no: str, by: str, reason: str, legs: Sequence[str], world: World) -> int:
    """Send the decision and print the settlement as it goes on. `legs`: `7=done` for each leg that needs a person.

    Exit code 1 when the engine refuses it, 3 when it cannot be reached or no client may operate.
    """
    words = _words(legs)
    file = node_file(root)
    client = next((name for name, one in file.clients.items() if "operate" in one.scopes), "")
    door = next((one for one in file.listeners.values() if one.http is not None), None)
    if not client or door is None or door.http is None:
        raise CannotRun("engine.yaml 中没有权限为 operate 的客户端 · no client of engine.yaml has the scope operate")
    try:
        secret = resolve_secret(file.clients[client].secret, root)
    except SecretMissing as no_secret:
        raise CannotRun(str(no_secret)) from None
    body: dict[str, Any] = {"by": by, "reason": reason, "legs": words}
    body["request_no"] = digest_of([no, body])[:32]  # the same decision again is the same request
    content = json.dumps(body, ensure_ascii=False).encode()
    path = f"/v1/settlements/{no}/resolve"
    stamp, nonce = str(int(world.wall())), world.nonce()
    text = f"POST\n{path}\n{stamp}\n{nonce}\n{hashlib.sha256(content).hexdigest()}"
    headers = {
        "Content-Type": "application/json",
        "X-Client": client,
        "X-Timestamp": stamp,
        "X-Nonce": nonce,
        "X-Signature": hmac.new(secret, text.encode(), hashlib.sha256).hexdigest(),
    }
    host, port = door.http
    request = urllib.request.Request(f"http://{host}:{port}{path}", content, headers)
    try:
        with urllib.request.urlopen(request, timeout=WAIT) as reply:  # noqa: S310 the same
            document(json.load(reply))
            return GOOD
    except urllib.error.HTTPError as refused:
        document(json.load(refused))
        return FOUND
    except OSError as lost:
        raise CannotRun(f"引擎没有应答 · the engine does not answer: {lost}") from None


def _words(legs: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in legs:
        leg, _, word = text.partition("=")
        if not leg.isascii() or not leg.isdigit() or word not in WORDS:
            raise WrongUse(f"--leg {text}: {', '.join(f'7={word}' for word in WORDS)}")
        found[leg] = word
    return found
