"""The command `engine`. Only names, options and help live here; the work is imported when a command is used."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli import main_messages, main_trying
from engine.cli.say import CANNOT, INTERRUPTED, WRONG_USE, CannotRun, WrongUse, trouble

if TYPE_CHECKING:
    from engine.core.world import World

app = typer.Typer(
    name="engine", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="医院结算集成引擎 · The integration engine for hospital settlement.\n\n"
    "退出码 · exit codes: 0 good, 1 found what it looks for, 2 wrong use, 3 cannot run, 130 interrupted.",
)  # fmt: skip

RUN, LOOK, WRITE, TRY = "运行 · Running", "查看 · Looking", "配置 · Configuration", "联调 · Trying out"

Root = Annotated[Path, typer.Option("--root", metavar="DIR", help="配置目录 · the configuration's folder")]
Json = Annotated[bool, typer.Option("--json", help="输出 JSON · print JSON")]
Lang = Annotated[str, typer.Option(help="zh 或 en · zh or en")]
Source = Annotated[
    Path | None, typer.Option("--from", metavar="DIR", help="取自另一目录 · take it from another folder")
]
Base = Annotated[str, typer.Option(metavar="VERSION", help="修改所依据的版本 · the version it was made from")]
Topology = Annotated[
    str, typer.Option(help="谁办医保与开票：engine-led, his-led · who settles with insurance and invoice")
]
By = Annotated[str, typer.Option(help="谁 · who")]
Reason = Annotated[str, typer.Option(help="为何（留痕） · why (kept in the history)")]
VERSION_HELP = "版本号前 6 位、history 的行号或 active · a hash's first 6 characters, a line of the history, active"
HERE = Path()


def _end(code: int) -> None:
    raise typer.Exit(code)


def _world() -> World:
    """The real world, for commands that sign and wait."""
    from twisted.internet import reactor  # noqa: TID251 the command line is where the reactor is handed in

    from engine.core.world import World

    return World(reactor)


@app.command(rich_help_panel=RUN)
def run(
    root: Root = HERE,
    profile: Annotated[str, typer.Option(help="替换 engine.yaml 的用途 · demo, test or production")] = "",
    folder: Annotated[
        bool, typer.Option("--folder", help="以目录中的文件启动，即使已启用过别的版本 · begin with the folder's files")
    ] = False,
    virtual_time: Annotated[
        bool, typer.Option("--virtual-time", help="与模拟系统共用可拨动的时钟 · share the simulators' movable clock")
    ] = False,
) -> None:
    """运行引擎，直到收到停止信号 · Run the engine until it is told to stop.

    SIGTERM 与 Ctrl-C：关门、等在途调用结束、退出；再按一次立即退出（在途视为未知，重启后查证）。
    SIGTERM and Ctrl-C close the doors, let calls in flight end and leave; told twice, it leaves at once.
    """
    from engine.cli.run import run as work

    _end(work(root.absolute(), profile, folder, virtual_time))


@app.command(rich_help_panel=RUN)
def check(
    root: Root = HERE,
    call: Annotated[
        bool, typer.Option("--call", help="向支付平台发自检请求，不下单 · self-tests of payment platforms, no order")
    ] = False,
    json: Json = False,
) -> None:
    """启动前检查配置、密钥、端口、存储、各方 · Check everything a start needs."""
    from engine.cli.check import check as work

    _end(work(root.absolute(), json, call))


@app.command(rich_help_panel=RUN)
def keys(
    root: Root = HERE,
    json: Json = False,
    rewrap: Annotated[bool, typer.Option("--rewrap", help="更换存储主密钥（先停引擎） · another master key")] = False,
) -> None:
    """生成本节点缺少的密钥（已有的保留，权限 0600） · Make the node's own missing secrets; existing ones are kept."""
    if rewrap:
        from engine.cli.rewrap import rewrap as change

        _end(change(root.absolute(), json, _world().token))
    from engine.cli.keys import keys as work

    _end(work(root.absolute(), json))


@app.command(rich_help_panel=WRITE)
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="新目录 · the new folder")],
    topology: Topology = "engine-led",
) -> None:
    """新建一个可直接通过检查的配置目录 · Begin a new configuration that lints clean."""
    from engine.cli.init import init as work

    _end(work(folder.absolute(), topology))


@app.command(rich_help_panel=WRITE)
def lint(
    root: Root = HERE,
    json: Json = False,
    lang: Annotated[str, typer.Option(help="zh 或 en · zh or en")] = "zh",
) -> None:
    """一次列出配置的所有问题，各在其行列 · Print every problem of the configuration at its line and column."""
    from engine.cli.lint import lint as work

    _end(work(root.absolute(), json, lang))


@app.command("test", rich_help_panel=WRITE)
def conversations(
    root: Root = HERE,
    only: Annotated[str, typer.Option(help="只运行名称含此文字的 · only conversations whose name contains this")] = "",
    json: Json = False,
) -> None:
    """运行通道旁的对话测试（*.test.yaml） · Run the conversations beside the channels."""
    from engine.cli.conversations import conversations as work

    _end(work(root.absolute(), only, json))


@app.command(rich_help_panel=WRITE)
def plan(
    root: Root = HERE,
    source: Source = None,
    base: Base = "",
    json: Json = False,
    lang: Lang = "zh",
) -> None:
    """启用之前看会改变什么 · What would change: parts, rows, money, settlements in flight."""
    from engine.cli.plan import plan as work

    _end(work(root.absolute(), (source or root).absolute(), base, json, lang))


@app.command(rich_help_panel=WRITE)
def apply(
    reason: Reason,
    by: By,
    root: Root = HERE,
    source: Source = None,
    base: Base = "",
    json: Json = False,
    lang: Lang = "zh",
) -> None:
    """检查、跑对话测试，由运行中的引擎启用，不停机 · Have the running engine take this configuration."""
    from engine.cli.apply import apply as work

    _end(work(root.absolute(), (source or root).absolute(), base, by, reason, json, _world(), lang))


@app.command(rich_help_panel=WRITE)
def history(
    root: Root = HERE,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="最多几行 · at most so many rows")] = 20,
    json: Json = False,
) -> None:
    """何时、何人、为何启用了哪个配置 · Which configuration was in force when, by whom and why."""
    from engine.cli.history import history as work

    _end(work(root.absolute(), limit, json))


@app.command(rich_help_panel=WRITE)
def diff(
    one: Annotated[str, typer.Argument(metavar="A", help=f"{VERSION_HELP}; 或目录 · or a folder")] = "active",
    other: Annotated[str, typer.Argument(metavar="B", help="不写：本目录 · default: the folder")] = "",
    root: Root = HERE,
    json: Json = False,
) -> None:
    """两个版本有何不同，逐行列出（密钥不显示） · What differs between two versions, row by row."""
    from engine.cli.diff import diff as work

    _end(work(root.absolute(), one, other or str(root.absolute()), json))


@app.command(rich_help_panel=WRITE)
def rollback(
    version: Annotated[str, typer.Argument(metavar="VERSION", help=VERSION_HELP)],
    reason: Reason,
    by: By,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """由运行中的引擎退回以前的配置 · Have the running engine go back to an earlier version."""
    from engine.cli.rollback import rollback as work

    _end(work(root.absolute(), version, by, reason, json, _world()))


@app.command(rich_help_panel=WRITE)
def pull(
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="不写：本目录 · default: --root")] = None,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """把他人已启用的改动取到目录 · Bring what others have put in force into a folder."""
    from engine.cli.pull import pull as work

    _end(work(root.absolute(), (folder or root).absolute(), json))


@app.command(rich_help_panel=WRITE)
def tables(
    take: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="采用（写入 mappings/tables） · take over")
    ] = None,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """定时通道取来的码表与在用码表的差别 · What timed channels brought, against the code tables in use."""
    from engine.cli.tables import tables as work

    _end(work(root.absolute(), take or [], json))


@app.command(rich_help_panel=WRITE)
def explain(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="错误码、往来、组件、设置 · code, call, part, setting")],
    root: Root = HERE,
    lang: Annotated[str, typer.Option(help="zh 或 en · zh or en")] = "zh",
) -> None:
    """解释错误码、往来的应答含义、组件或设置 · Explain a code, a call's answers, a component or a setting."""
    from engine.cli.explain import explain as work

    _end(work(root.absolute(), what, lang))


@app.command(rich_help_panel=WRITE)
def schema(folder: Annotated[Path, typer.Argument(metavar="DIR", help="写到哪里 · where to write them")]) -> None:
    """写出供编辑器使用的 JSON Schema · Write JSON Schemas of all configuration files for editors."""
    from engine.cli.schema import schema as work

    _end(work(folder.absolute()))


@app.command(rich_help_panel=WRITE)
def docs(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="写到哪里 · where to write them")],
    root: Root = HERE,
) -> None:
    """写出接口文档（HTML）与 OpenAPI，交给终端和 HIS 厂商 · Write the interface document to hand out."""
    from engine.cli.docs import docs as work

    _end(work(root.absolute(), out.absolute()))


@app.command(rich_help_panel=TRY)
def demo(
    once: Annotated[bool, typer.Option("--once", help="演完即停 · stop when the scenarios are over")] = False,
    only: Annotated[str, typer.Option(metavar="N[,N...]", help="只演这几个 · only these scenarios")] = "",
    topology: Topology = "engine-led",
    root: Root = HERE,
    json: Json = False,
) -> None:
    """启动引擎与模拟系统，演示十个结算场景 · Start everything and play ten settlements.

    全部数据在 var/demo，每次重新开始。Everything lives in var/demo and begins anew each time.
    """
    from engine.cli.demo import demo as work

    _end(work(root.absolute(), once, only, json, topology))


@app.command("list", rich_help_panel=LOOK)
def list_(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="settlements, messages, lanes, tasks, unmapped, hands")],
    state: Annotated[str, typer.Option(help="状态 · only this state")] = "",
    bill: Annotated[str, typer.Option(help="账单号 · only this bill")] = "",
    since: Annotated[str, typer.Option(help="自何时起 · since 2026-11-22, 2026-11-22T08:00, or 2h, 30m, 7d ago")] = "",
    limit: Annotated[
        int | None, typer.Option(min=1, max=1000, help="最多几行：50，JSON 1000 · rows at most: 50, as JSON 1000")
    ] = None,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """列出结算、消息、队列、待办、缺对照的代码、人工操作 · List settlements, messages, lanes, tasks, codes, hands."""
    from engine.cli.listing import Wanted, listing

    _end(listing(root.absolute(), what, Wanted(state, bill, since, limit or 0), json))


@app.command(rich_help_panel=LOOK)
def show(
    no: Annotated[str, typer.Argument(metavar="NO", help="结算单号、账单号或任一单号 · settlement, bill or number")],
    root: Root = HERE,
    json: Json = False,
    bytes_: Annotated[bool, typer.Option("--bytes", help="附报文（已脱敏） · with the bytes, masked")] = False,
) -> None:
    """一笔结算的时间线：每一步、每次往来、每个决定 · A settlement's timeline: legs, calls, decisions."""
    from engine.cli.showing import show as work

    _end(work(root.absolute(), no, json, bytes_))


@app.command(rich_help_panel=LOOK)
def books(
    root: Root = HERE,
    since: Annotated[str, typer.Option(help="自何时起 · since")] = "",
    until: Annotated[
        str, typer.Option(metavar="DAY", help="到哪一天为止，含当天 · up to this day, which counts (2026-11-22)")
    ] = "",
    bills: Annotated[
        bool, typer.Option("--bills", help="支付渠道用日账单（默认昨天）· payment by the platforms' bills")
    ] = False,
    ledgers: Annotated[
        str, typer.Option(metavar="DIR", help="各方的账本表格（his.csv …）· the parties' ledgers as CSV")
    ] = "",
    excel: Annotated[str, typer.Option(metavar="FILE.xlsx", help="另存为 Excel · write a workbook too")] = "",
    virtual_time: Annotated[
        bool, typer.Option("--virtual-time", help="按模拟系统可拨动的时钟 · by the simulators' movable clock")
    ] = False,
    json: Json = False,
) -> None:
    """与各方账目核对，列出差异 · Compare the store with the parties' own books; print the differences."""
    from engine.cli.books import books as work

    _end(work(root.absolute(), since, json, bills, ledgers, excel, virtual_time, until))


@app.command(rich_help_panel=LOOK)
def resolve(
    no: Annotated[str, typer.Argument(metavar="NO", help="结算单号 · the settlement")],
    reason: Annotated[str, typer.Option(help="依据与处理情况 · why, and what was found (kept in the trail)")],
    by: Annotated[str, typer.Option(help="处理人 · who decides")],
    leg: Annotated[
        list[str] | None,
        typer.Option(help="7=done、not_done、again 或 off，每笔一个 · one for each leg that needs a person"),
    ] = None,
    onto: Annotated[
        str, typer.Option(metavar="VERSION", help=f"改用这个版本办完 · go on under this version：{VERSION_HELP}")
    ] = "",
    root: Root = HERE,
    json: Json = False,
) -> None:
    """人工处理需要人的结算，或让在途的一笔改用另一版本 · Decide a settlement that waits, or move one."""
    from engine.cli.resolve import move
    from engine.cli.resolve import resolve as work

    if onto and leg:
        raise WrongUse("--onto 与 --leg 只能写一个 · either --onto or --leg")
    if onto:
        _end(move(root.absolute(), no, by, reason, onto, json, _world()))
    _end(work(root.absolute(), no, by, reason, leg or [], json, _world()))


main_messages.register(app)
main_trying.register(app)


def main() -> None:
    """The entry point; turns our own troubles into exit codes."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        app()
    except CannotRun as no:
        trouble(str(no))
        sys.exit(CANNOT)
    except WrongUse as no:
        trouble(str(no))
        sys.exit(WRONG_USE)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
