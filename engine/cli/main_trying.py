"""The commands of joint debugging (联调); as in `main`, only names, options and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

TRY = "联调 · Trying out"
HERE = Path()
Root = Annotated[Path, typer.Option("--root", metavar="DIR", help="配置目录 · the configuration's folder")]


def register(app: typer.Typer) -> None:
    """Add the commands to `engine`."""
    app.command(rich_help_panel=TRY)(conformance)


def conformance(
    party: Annotated[str, typer.Argument(metavar="PARTY",
        help="nhsa, municipal, his, wechat, alipay, unionpay, einvoice")],
    against: Annotated[str, typer.Option(metavar="URL",
        help="模拟系统或真实测试平台 · a simulator or a real test platform")],
    values: Annotated[
        Path | None, typer.Option("--with", metavar="FILE",
            help="测试人员、项目等（YAML） · test persons and items (YAML)")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="写出 PARTY.html 与 PARTY.json · write the pass sheet there")
    ] = None,
    connection: Annotated[
        str, typer.Option("--as", metavar="NAME", help="用 engine.yaml 的哪个连接 · which connection of engine.yaml")
    ] = "",
    root: Root = HERE,
    json: Annotated[bool, typer.Option("--json", help="输出 JSON · print JSON")] = False,
) -> None:
    """逐一联调：按接口清单逐个调用，写出联调单 · Run a party's interface list and write the pass sheet.

    密钥与机构编号取自 engine.yaml 的连接，地址用 --against。退出码 0 全部通过，1 有不符，3 连不上或缺密钥。
    Keys and ids come from engine.yaml, the address from --against. Exit 0 all passed, 1 something differs,
        3 cannot run.
    """
    from twisted.internet import reactor  # noqa: TID251 the command line is where the reactor is handed in

    from engine.cli.conformance import conformance as work
    from engine.cli.folder import node_file
    from engine.core.world import World

    clock = node_file(root.absolute()).clock
    world = World(reactor, rate=float(clock.rate), anchor=clock.anchor)
    raise typer.Exit(work(root.absolute(), party, against, values, out, connection, json, world))
