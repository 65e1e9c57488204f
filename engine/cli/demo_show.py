"""What the audience of the demo sees: live progress in a terminal, a line a scene when piped, a table at the end."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from engine.cli.demo_play import Played, Scene
from engine.cli.demo_stage import Stage
from engine.cli.say import STATE_STYLES, line, yuan

TITLE = "医院结算集成引擎 · settlement engine"
WIDE = 125  # columns from which everything has a column of its own
PIPED = 140  # columns when nobody's terminal decides


class Show:
    """Use as a context; `quiet` prints nothing at all (for `--json`)."""

    def __init__(self, scenes: Sequence[Scene], *, quiet: bool = False) -> None:
        self._console = Console(highlight=False)
        if not self._console.is_terminal:
            self._console = Console(highlight=False, width=PIPED)
        self._quiet = quiet
        self._live = self._console.is_terminal and not quiet
        self._wide = self._console.width >= WIDE
        bars = [BarColumn(bar_width=18), MofNCompleteColumn(), TimeElapsedColumn()] if self._wide else []
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), *bars, TextColumn("[dim]{task.fields[doing]}"),
            console=self._console, transient=True, disable=not self._live,
        )  # fmt: skip
        self._task = self._progress.add_task("演示 · demo", total=len(scenes), doing="")

    def __enter__(self) -> Show:
        if self._live:
            self._console.print(Panel.fit(f"[bold]{TITLE}[/]", box=box.ROUNDED, border_style="cyan"))
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, no: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    # While it runs

    def say(self, text: str) -> None:
        """What is being done now; only seen live."""
        self._progress.update(self._task, doing=text)

    def note(self, text: str) -> None:
        """A line that stays."""
        if self._live:
            self._progress.console.print(Text(text, style="yellow"))
        elif not self._quiet:
            line(text)

    def begin(self, scene: Scene) -> None:
        """A scene begins."""
        self._progress.update(self._task, description=f"{scene.no:>2} {scene.zh}")

    def end(self, one: Played) -> None:
        """A scene is over."""
        self._progress.advance(self._task)
        mark, style = ("✗", "bold red") if one.wrong else ("✓", "green")
        words = f"{one.scene.no:>2} {one.scene.zh}" + (f" · {one.scene.en}" if self._wide else "")
        if self._live:
            text = Text.assemble((f"{mark} ", style), words, (f"  {one.seconds:.1f} s", "dim"))
            self._progress.console.print(text)
            if one.wrong:
                self._progress.console.print(Text(f"     {one.wrong}", style="red"))
        elif not self._quiet:
            line(f"{mark} {words}  {one.seconds:.1f} s" + (f"\n     {one.wrong}" if one.wrong else ""))

    # At the end

    def table(self, played: Sequence[Played], books: dict[str, Any]) -> None:
        """The table of scenes and the books' line."""
        self._progress.stop()
        self._console.print(_table(played, self._console.width))
        found = books["differences"]
        text = (
            f"账目：各方账本逐笔核对 {books['checked']} 张账单，{len(found)} 处差异 · "
            f"books: {books['checked']} bills against the parties' own ledgers, {len(found)} differences"
        )
        self._console.print(Text(text, style="bold red" if found else "bold green"))
        for one in found:
            self._console.print(
                Text(f"  {one['kind']} {one['bill']} {one['settlement_no']} {one['text']}", style="red")
            )
        good = sum(not one.wrong for one in played)
        bad = len(played) - good
        text = f"{good} 个场景符合预期，{bad} 个不符 · {good} scenes as they must, {bad} not"
        self._console.print(Text(text, style="bold red" if bad else "bold green"))

    def stay(self, stage: Stage, played: Sequence[Played]) -> None:
        """Where to look now."""
        home = Path.cwd()
        root = stage.root.relative_to(home) if stage.root.is_relative_to(home) else stage.root
        numbers = [story.settlement_no for one in played for story in one.stories if story.settlement_no]
        command = "engine" if shutil.which("engine") else str(Path(sys.executable).parent / "engine")
        if command != "engine" and Path(sys.executable).is_relative_to(home):
            command = str(Path(sys.executable).relative_to(home).parent / "engine")
        doors = [("控制台 · console    ", "/console/"), ("接口文档 · interface ", "/docs/interface")]
        parties = [url for url in stage.town.urls.values() if url.startswith("http")][:1]
        lines = [
            *(f"{name}[bold]{stage.url}{path}[/]" for name, path in doors if stage.has(path)),
            *(f"模拟系统 · parties   [bold]{url}/sim/all[/]" for url in parties),
            *(f"登录 · log in        {name}  {password}" for name, password in stage.users.items()),
            f"结算列表 · list      {command} list settlements --root {root}",
            f"时间线 · timeline    {command} show {numbers[-1] if numbers else 'NO'} --root {root}",
            "",
            "Ctrl-C 结束 · Ctrl-C to end",
        ]
        self._console.print(Panel.fit("\n".join(lines), box=box.ROUNDED, border_style="cyan"))


def _table(played: Sequence[Played], width: int) -> Table:
    """Bill, calls and seconds in columns of their own where there is room, else below their scene."""
    wide = width >= WIDE
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    drawn.add_column("#", justify="right", no_wrap=True)
    drawn.add_column("场景\nscene", min_width=24)
    if wide:
        drawn.add_column("账单\nbill", no_wrap=True)
    for zh, en in (("总额", "total"), ("统筹", "fund"), ("个账", "account"), ("现金", "cash")):
        drawn.add_column(f"{zh}\n{en}", justify="right", no_wrap=True)
    drawn.add_column("状态\nstate", no_wrap=True)
    if wide:
        drawn.add_column("往来\ncalls", justify="right", no_wrap=True)
        drawn.add_column("用时\nsec", justify="right", no_wrap=True)
    for one in played:
        amounts, state = one.last.get("amounts", {}), str(one.last.get("state", ""))
        cells = [yuan(amounts.get(name)) for name in ("total", "fund", "account", "cash")]
        bills, calls, seconds = " ".join(one.bills), str(one.calls), f"{one.seconds:.1f}"
        below = one.scene.en if wide else f"{bills}  {calls}×  {seconds}s"
        scene = Text.assemble(one.scene.zh, "\n", (below, "dim"))
        style = "bold red" if one.wrong else STATE_STYLES.get(state, "")
        shown = Text(f"{'✗' if one.wrong else '✓'} {state}", style=style)
        last = [calls, seconds] if wide else []
        drawn.add_row(str(one.scene.no), scene, *([bills] if wide else []), *cells, shown, *last)
    return drawn
