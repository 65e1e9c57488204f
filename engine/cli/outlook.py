"""What taking a folder's configuration would mean, as commands read and print it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from engine.cli.folder import reading, shown
from engine.cli.say import CannotRun, in_terminal, line
from engine.cli.versions import active, folder_files, there, turn_of
from engine.config.problems import as_json, failing, render_all
from engine.core.times import beijing
from engine.runtime import told
from engine.runtime.outlook import Outlook, standing
from engine.runtime.outlook import outlook as compared
from engine.runtime.reload import turn_json
from engine.runtime.versions import NoSuchVersion, base_of
from engine.site.changes import Change
from engine.site.changes import as_json as change_json

SIGNS = {"added": "+", "removed": "-", "changed": "~"}
ROWS_MAX = 40  # of one part, in a terminal's or a pipe's text; --json has all


def outlook(root: Path, folder: Path, base: str) -> Outlook:
    """Compare `folder` with what is in force at the node of `root`. `base`: the version it was made from, "" for what
    the folder itself says. Reads the store; changes nothing. CannotRun where there is no configuration, WrongUse for a
    base nobody knows."""
    if not (folder / "engine.yaml").is_file():
        raise CannotRun(f"{folder}: 不是配置目录，没有 engine.yaml · no configuration, there is no engine.yaml")
    files = folder_files(folder)
    with reading(root) as conn:
        try:
            now = standing(conn, active(conn), turn_of(conn, base).version if base else base_of(folder))
        except NoSuchVersion as no:
            raise CannotRun(str(no)) from None
    return compared(files, now)


def outlook_json(look: Outlook) -> dict[str, Any]:
    """The one document of `engine plan --json`."""
    return {
        "in_force": turn_json(look.turn),
        "version": look.version,
        "base": look.base,
        "refused": look.refused,
        **(told.error("", *look.why).body if look.refused else {}),
        "problems": [as_json(one) for one in look.problems],
        "changes": [change_json(one) for one in look.changed],
        "moved": None if look.theirs is None else [change_json(one) for one in look.theirs],
        "moved_by": [turn_json(one) for one in look.turns],
        "money": [as_json(one) for one in look.advice],
        "restart": look.restarts,
        "pinned": [
            {"content": content, "channel": channel, "settlements": count, "fits": content not in look.stranded}
            for content, channel, count in look.pinned
        ],
    }


def tell(look: Outlook, lang: str, root: Path, folder: Path) -> None:
    """Print it for a person. `root`: of the node, `folder`: of the files."""
    zh = lang == "zh"
    turn = look.turn
    when = beijing(turn.at, "%Y-%m-%d %H:%M")
    line(f"{'现行' if zh else 'in force'} {turn.version[:12]}  {when}  {turn.by}  {turn.reason}".rstrip())
    if failing(look.problems):
        line(f"\n{shown(folder, look.problems, lang)}\n")
        line("有错误，不会启用" if zh else "it has mistakes and would not be taken")
        return
    if not look.changed:
        line("没有改动" if zh else "nothing would change")
        return
    line(f"{'将启用' if zh else 'would take'} {look.version[:12]}\n")
    tell_changes(look.changed)
    _tell_pinned(look, zh)
    if look.advice:
        line(f"\n{'与钱有关' if zh else 'about money'}\n{render_all(look.advice, {}, lang)}")
    if look.restarts:
        names = ", ".join(look.restarts)
        told = "这些改动需要停机后以 engine run --folder 启动" if zh else "needs a new start (engine run --folder)"
        line(f"\n{told}: {names}")
    for content, problems in look.stranded.items():
        line(f"\n{'在途结算不能继续' if zh else 'settlements in flight could not go on'} {content[:12]}")
        line(render_all(problems, {}, lang))
    if look.theirs is not None:
        _tell_moved(look, look.theirs, zh, root, folder)


def _tell_moved(look: Outlook, theirs: list[Change], zh: bool, root: Path, folder: Path) -> None:
    """That somebody else was faster: who, what, and what to do about it without taking it back."""
    was = look.base[:12]
    if not look.turns:
        line(f"\n本节点从未启用过您所依据的 {was}，请对照现行版本" if zh else
             f"\n{was}, which this was made from, was never in force at this node: compare with what is")  # fmt: skip
        line(f"  engine diff active {shlex.quote(str(folder))}{there(root)}")
    else:
        line(f"\n您所依据的 {was} 已不是现行版本，此后启用的：" if zh else
             f"\n{was}, which this was made from, is no longer in force; since then:")  # fmt: skip
        for turn in look.turns:
            when = beijing(turn.at, "%Y-%m-%d %H:%M")
            line(f"  {turn.seq}  {turn.kind} {turn.version[:12]}  {when}  {turn.by}  {turn.reason}".rstrip())
        line("")
        tell_changes(theirs)
        line("\n取来对方的改动：" if zh else "\nTake over what they changed:")
        line(f"  {pull_words(root, folder)}")
    line("手工并入之后（未并入就执行，等于撤掉对方的改动）：" if zh else
         "When it is merged by hand (before that it would take their changes back):")  # fmt: skip
    line(f"  {apply_words(root, folder, look.turn.version)}")


def pull_words(root: Path, folder: Path) -> str:
    """The command that brings others' changes into this folder."""
    return f"engine pull{there(folder, '') if folder != root else ''}{there(root)}"


def apply_words(root: Path, folder: Path, base: str) -> str:
    """The command that takes this folder's files as made from a version."""
    source = there(folder, "--from") if folder != root else ""
    return f'engine apply{source}{there(root)} --base {base[:12]} --by … --reason "…"'


def _tell_pinned(look: Outlook, zh: bool) -> None:
    total = sum(count for _, _, count in look.pinned)
    if not total:
        return
    line(f"\n{'在途结算，各按原来的配置做完' if zh else 'in flight, each ends as it began'}: {total}")
    for content, channel, count in look.pinned:
        line(f"  {content[:12]}  {channel}  {count}")


def tell_changes(changed: list[Change]) -> None:
    """Part by part, row by row."""
    for change in changed:
        line(_coloured(f"{SIGNS[change.what]} {change.kind} {change.name}  {change.file}", change.what))
        for row in change.rows[:ROWS_MAX]:
            if row.old:
                line(_coloured(f"    - {row.at}  {row.old}", "removed"))
            if row.new:
                line(_coloured(f"    + {row.at}  {row.new}", "added"))
        if len(change.rows) > ROWS_MAX:
            line(f"    … {len(change.rows) - ROWS_MAX} (--json)")


_COLOURS = {"added": "32", "removed": "31", "changed": "33"}


def _coloured(text: str, what: str) -> str:
    return f"\x1b[{_COLOURS[what]}m{text}\x1b[0m" if in_terminal() else text
