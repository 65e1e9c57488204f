"""`engine messages …`, `replay`, `pause`, `resume`, `kill`, `tasks`: a person's hand, through the running engine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from engine.cli.control import ask
from engine.cli.folder import node_file
from engine.cli.moments import since_of
from engine.cli.say import FOUND, GOOD, CannotRun, WrongUse, document
from engine.core.world import World
from engine.runtime.deliver_hands import edited_text

EDIT_MAX = 1 << 20


def resend(root: Path, no: str, dest: str, edit: Path | None, by: str, reason: str, world: World) -> int:
    """Send one message again; exit code 1 when the engine refuses it."""
    body: dict[str, Any] = {"by": by, "reason": reason, "dest": dest}
    if edit is not None:
        try:
            text = edit.read_bytes().decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as no_file:
            raise CannotRun(f"{edit}: {no_file}") from None
        if len(text) > EDIT_MAX:
            raise WrongUse(f"--edit: {EDIT_MAX} bytes")
        body["body"] = edited_text(text)
    return _told(ask(root, "operate", f"/v1/deliver/messages/{_number(no)}/resend", body, world))


def body(root: Path, no: str, out: Path, by: str, reason: str, world: World) -> int:
    """Write a message's true text to a file only its owner reads, to be edited and sent again: UTF-8, a segment a
    line."""
    status, told = ask(root, "operate", f"/v1/deliver/messages/{_number(no)}/body", {"by": by, "reason": reason}, world)
    if status >= 300:
        return _told((status, told))
    text = str(told["body"])
    try:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write((text.replace("\r", "\n") if text.startswith("MSH") else text).encode())
    except OSError as no_file:
        raise CannotRun(f"{out}: {no_file.strerror}") from None
    document({"message": told["message"], "file": str(out)})
    return GOOD


def discard(root: Path, no: str, dest: str, by: str, reason: str, world: World) -> int:
    """Give up a dead letter."""
    body = {"by": by, "reason": reason, "dest": dest}
    return _told(ask(root, "operate", f"/v1/deliver/messages/{_number(no)}/discard", body, world))


def close_task(root: Path, number: str, by: str, reason: str, world: World) -> int:
    """Close a task a person has done; exit code 1 when the engine refuses it."""
    if not number.isascii() or not number.isdigit():
        raise WrongUse(f"待办号是数字 · a task's number is digits: {number}")
    return _told(ask(root, "operate", f"/v1/tasks/{number}/close", {"by": by, "reason": reason}, world))


def replay(
    root: Path, channel: str, state: str, since: str, until: str, dest: str, dry: bool, by: str, reason: str,
    world: World,
) -> int:  # fmt: skip
    """Send many again; `dry`: only say which."""
    body: dict[str, Any] = {"by": by, "reason": reason, "channel": channel, "state": state, "dest": dest}
    body["dry_run"] = dry
    for name, text in (("since", since), ("until", until)):
        at = since_of(root, text)
        if at is not None:
            body[name] = int(at)
    return _told(ask(root, "operate", "/v1/deliver/replay", body, world))


def switch(root: Path, what: str, state: str, by: str, reason: str, world: World) -> int:
    """Pause, kill or let go a channel or party by its name."""
    file = node_file(root)
    kind = "party" if what in file.parties and not (root / "channels" / f"{what}.yaml").exists() else "channel"
    body = {"by": by, "reason": reason, "what": f"{kind} {what}", "state": state}
    return _told(ask(root, "operate", "/v1/deliver/switch", body, world))


def _number(no: str) -> str:
    if not no.isascii() or not no.isdigit():
        raise WrongUse(f"消息号是数字 · a message's number is digits: {no}")
    return no


def _told(answer: tuple[int, dict[str, Any]]) -> int:
    document(answer[1])
    return GOOD if answer[0] < 300 else FOUND
