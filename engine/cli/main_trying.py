"""The commands of joint debugging (联调); as in `main`, only names, options and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.conformance import names

TRY = "联调 · Trying out"
HERE = Path()
PARTY_HELP = (
    "his, insurance, municipal, mobile_pay, qingdao, dareway, neusoft, yinhai, wechat, unionpay, alipay, einvoice, "
    "commercial, sms, subscribers（不写为 engine.yaml 用到的全部 · default: all that engine.yaml uses）"
)
Root = Annotated[Path, typer.Option("--root", metavar="DIR", help="配置目录 · the configuration's folder")]


def register(app: typer.Typer) -> None:
    """Add the commands to `engine`."""
    app.command(rich_help_panel=TRY)(simulate)
    app.command(rich_help_panel=TRY)(conformance)


def simulate(
    parties: Annotated[list[str] | None, typer.Argument(metavar="[PARTY]...", help=PARTY_HELP)] = None,
    virtual_time: Annotated[
        bool, typer.Option("--virtual-time", help="时钟可拨动，引擎一同走 · a clock that can be moved, with the engine")
    ] = False,
    play: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="重放一个场景 · replay a scenario (a shipped one, or a file)")
    ] = "",
    record: Annotated[
        Path | None, typer.Option(metavar="FILE", help="把所做的一切录成场景 · record what is done as a scenario")
    ] = None,
    root: Root = HERE,
) -> None:
    """按 engine.yaml 的端口与时钟启动模拟的外部系统 · Start the simulated parties on engine.yaml's ports and clock.

    页面：印出的地址，打开 /sim/all。Their pages: /sim/all at the address it prints.
    """
    from engine.cli.simulate import simulate as work
    from engine.cli.virtual_clock import place

    more = ["--virtual-time", "--clock-port", str(place()[1])] if virtual_time else []
    more += ["--play", play] if play else []
    more += ["--record", str(record.absolute())] if record else []
    raise typer.Exit(work(root.absolute(), parties or [], more, virtual_time))


def conformance(
    party: Annotated[str, typer.Argument(metavar="PARTY",
        help=", ".join(names()))],
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
    Keys and ids come from engine.yaml, the address from --against. Exit 0 all passed, 1 something differs, 3 no run.
    """
    from twisted.internet import reactor  # noqa: TID251 the command line is where the reactor is handed in

    from engine.cli.conformance import conformance as work
    from engine.cli.folder import node_file
    from engine.core.world import World

    clock = node_file(root.absolute()).clock
    world = World(reactor, rate=float(clock.rate), anchor=clock.anchor)
    raise typer.Exit(work(root.absolute(), party, against, values, out, connection, json, world))
