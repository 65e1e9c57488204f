"""The commands about messages and tasks; as in `main`, only names, options and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.core.world import World

HANDS = "消息 · Messages"
HERE = Path()
Root = Annotated[Path, typer.Option("--root", metavar="DIR", help="配置目录 · the configuration's folder")]
By = Annotated[str, typer.Option(help="谁 · who decides")]
Reason = Annotated[str, typer.Option("--reason", "--because", help="为什么（记入日志） · why, kept for ever")]
Dest = Annotated[str, typer.Option(help="只对这个接收方 · only this receiver of the channel")]
No = Annotated[str, typer.Argument(metavar="NO", help="消息号 · the message's number")]
What = Annotated[str, typer.Argument(metavar="NAME", help="通道或外部系统 · a channel or a party")]

tasks = typer.Typer(no_args_is_help=True, help="待办的处理 · What people were asked to do")
messages = typer.Typer(no_args_is_help=True, help="转发消息的处理 · Messages of deliver channels")


def register(app: typer.Typer) -> None:
    """Add the commands to `engine`."""
    app.add_typer(messages, name="messages", rich_help_panel=HANDS)
    app.add_typer(tasks, name="tasks", rich_help_panel=HANDS)
    app.command(rich_help_panel=HANDS)(replay)
    app.command(rich_help_panel=HANDS)(pause)
    app.command(rich_help_panel=HANDS)(resume)
    app.command(rich_help_panel=HANDS)(kill)


def _world() -> World:
    from twisted.internet import reactor  # noqa: TID251 the command line is where the reactor is handed in

    return World(reactor)


@messages.command()
def resend(
    no: No,
    by: By,
    reason: Reason,
    dest: Dest = "",
    edit: Annotated[Path | None, typer.Option(metavar="FILE", help="改后的正文 · the edited message")] = None,
    root: Root = HERE,
) -> None:
    """重发一条：死信用原消息号，已送达的用新消息号 · Send again: dead letters under their own number, others anew."""
    from engine.cli.hands import resend as work

    raise typer.Exit(work(root.absolute(), no, dest, edit, by, reason, _world()))


@messages.command()
def body(
    no: No,
    by: By,
    reason: Reason,
    out: Annotated[Path, typer.Option(metavar="FILE", help="写到哪个文件（须不存在） · a file that is not there yet")],
    root: Root = HERE,
) -> None:
    """取出原文以便修改（show 所示已脱敏） · Take the true text out to edit it; what `show` prints is masked."""
    from engine.cli.hands import body as work

    raise typer.Exit(work(root.absolute(), no, out, by, reason, _world()))


@messages.command()
def discard(no: No, by: By, reason: Reason, dest: Dest = "", root: Root = HERE) -> None:
    """放弃一条死信，其后停住的消息继续 · Give up a dead letter; what waits behind it goes on."""
    from engine.cli.hands import discard as work

    raise typer.Exit(work(root.absolute(), no, dest, by, reason, _world()))


@tasks.callback()
def _tasks() -> None:
    """待办的处理（列出：engine list tasks） · What people were asked to do (engine list tasks lists it)."""


@tasks.command()
def close(
    task: Annotated[str, typer.Argument(metavar="ID", help="待办号 · the task's number")],
    by: By,
    reason: Reason,
    root: Root = HERE,
) -> None:
    """关闭已办的待办；停着等人的结算用 engine resolve · Close what is done; settlements that wait: engine resolve."""
    from engine.cli.hands import close_task as work

    raise typer.Exit(work(root, task, by, reason, _world()))


def replay(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="通道 · the channel")],
    by: By,
    reason: Reason,
    state: Annotated[str, typer.Option(help="dead 或 done · dead or done")] = "dead",
    since: Annotated[str, typer.Option(help="自何时起 · since")] = "",
    until: Annotated[str, typer.Option(help="到何时止 · until")] = "",
    dest: Dest = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只列出，不发 · only say which")] = False,
    root: Root = HERE,
) -> None:
    """成批重发（先 --dry-run）；涉及款项的消息不会换号重发 · Send many again; never money under a new number."""
    from engine.cli.hands import replay as work

    raise typer.Exit(work(root.absolute(), channel, state, since, until, dest, dry_run, by, reason, _world()))


def pause(name: What, by: By, reason: Reason, root: Root = HERE) -> None:
    """暂停：照收照存，不发 · Pause: messages are taken and stored, not sent."""
    from engine.cli.hands import switch

    raise typer.Exit(switch(root.absolute(), name, "paused", by, reason, _world()))


def resume(name: What, by: By, reason: Reason, root: Root = HERE) -> None:
    """继续 · Let a channel or party go on."""
    from engine.cli.hands import switch

    raise typer.Exit(switch(root.absolute(), name, "", by, reason, _world()))


def kill(name: What, by: By, reason: Reason, root: Root = HERE) -> None:
    """停用通道：不收也不发，直到 resume · Stop a channel: nothing is taken or sent until `resume`."""
    from engine.cli.hands import switch

    raise typer.Exit(switch(root.absolute(), name, "killed", by, reason, _world()))
