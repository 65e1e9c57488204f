"""`engine apply`: judge the folder's configuration, play its conversations, and have the running engine take it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.cli.control import ask, reason_line, signed_by
from engine.cli.outlook import outlook, outlook_json, tell, tell_changes
from engine.cli.say import FOUND, GOOD, CannotRun, document, language, line, trouble
from engine.cli.versions import note_base, write_files
from engine.core.world import World
from engine.runtime import told
from engine.runtime.outlook import Outlook
from engine.runtime.site_api import STAGED
from engine.site.files import texts_of


def apply(
    root: Path, folder: Path, base: str, by: str, reason: str, as_json: bool, world: World, lang: str = "zh"
) -> int:
    """Take it, or say all that is wrong. Exit code 0 when it is in force, 1 when it was refused (mistakes, a
    conversation that fails, somebody else was faster, settlements in flight), 3 when no engine answers."""
    language(lang)
    signed_by(by, reason)
    look = outlook(root, folder, base)
    if not look.base:
        raise CannotRun(
            f"{folder}: 不知道修改所依据的版本，请写 --base · what was this made from? --base {look.turn.version[:12]}"
        )
    if look.refused:
        return _refused(look, as_json, lang, root, folder)
    failed = _played(look.files)
    if failed:
        return _not_played(failed, as_json, lang)
    _stage(root, look)
    body = {"version": look.version, "base": look.base, "by": by, "reason": reason}
    status, answer = ask(root, "admin", "/v1/site/apply", body, world)
    if status < 300:
        note_base(folder, look.version)
    return _told(status, answer, look, as_json, lang)


def _refused(look: Outlook, as_json: bool, lang: str, root: Path, folder: Path) -> int:
    """Before anything of it went to the engine."""
    if as_json:
        document({**outlook_json(look), "applied": False})
    else:
        tell(look, lang, root, folder)
        trouble("\n" + reason_line(told.error("", *look.why).body, 0))
    return FOUND


def _played(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """The conversations that do not hold, of these very files."""
    from engine.conversation import run

    with tempfile.TemporaryDirectory(prefix="apply") as place:
        write_files(Path(place), files)
        return [dict(one) for one in run(Path(place)) if not one["passed"]]


def _not_played(failed: list[dict[str, Any]], as_json: bool, lang: str) -> int:
    if as_json:
        document({"applied": False, "conversations": failed})
        return FOUND
    for one in failed:
        line(f"{one['name']}\n{one['text']}\n")
    told = "个对话测试不通过，未启用" if lang == "zh" else "conversations fail; it was not taken"
    trouble(f"{len(failed)} {told}")
    return FOUND


def _stage(root: Path, look: Outlook) -> None:
    """Put the files where the engine reads them: for this user's eyes only."""
    folder = root / STAGED
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        place = folder / f"{look.version}.json"
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            json.dump(texts_of(look.files), file)
    except OSError as no:
        raise CannotRun(f"无法写入 · cannot write {STAGED}: {no}") from None


def _told(status: int, answer: Mapping[str, Any], look: Outlook, as_json: bool, lang: str) -> int:
    good = status < 300
    if as_json:
        document({**answer, "applied": good, "changes": outlook_json(look)["changes"]})
        return GOOD if good else FOUND
    if not good:
        trouble(reason_line(answer, status))
        for one in answer.get("problems", []):
            line(f"{one['file']}:{one['line']}:{one['col']}  {one['code']}  {one['zh' if lang == 'zh' else 'en']}")
        return FOUND
    tell_changes(look.changed)
    word = "已启用" if lang == "zh" else "in force"
    same = "没有改动，密钥已重读" if lang == "zh" else "nothing changed; keys were read anew"
    line(f"{word} {look.version[:12]}" if answer.get("changed") else same)
    return GOOD
