"""`engine init DIR`: a new configuration, copied from what ships with the engine, that lints clean."""

from __future__ import annotations

import shutil
from pathlib import Path

from engine.cli.say import GOOD, CannotRun, WrongUse, line
from engine.cli.schema import write_vscode

PARTS = ("engine.yaml", "channels", "mappings", "schemas")
IGNORED = "var/\n.engine-base\n*.db\n*.db-wal\n*.db-shm\n"


def shipped() -> Path:
    """The folder whose configuration ships with the engine; CannotRun when this installation has none."""
    home = Path(__file__).resolve().parents[2]
    if not (home / "engine.yaml").is_file():
        raise CannotRun(f"此安装不带示例配置 · this installation ships no configuration ({home})")
    return home


def copy_site(target: Path) -> None:
    """engine.yaml, channels, mappings and schemas as they ship, into `target`."""
    source = shipped()
    target.mkdir(parents=True, exist_ok=True)
    for name in PARTS:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, dirs_exist_ok=True)
        else:
            shutil.copyfile(source / name, target / name)


TOPOLOGIES = ("engine-led", "his-led")
"""Who settles with insurance and invoice: the engine, or the HIS inside its own answer."""
DOOR = "POST /v1/outpatient/settlements"
LED_DOOR = "POST /v1/outpatient/his-led/settlements"


def led_by_his(root: Path) -> None:
    """Put the HIS-led flow behind the usual door, where terminals look for it, and take away what it replaces: the
    engine-led flow with its maps and tables, and the engine's own daily work at the insurance."""
    from engine.site.load import lint

    channels = root / "channels"
    for name in ("outpatient_settlement", "insurance_signin", "insurance_reconciliation", "insurance_directory"):
        for path in (channels / f"{name}.yaml", channels / f"{name}.test.yaml"):
            path.unlink()
    path = channels / "outpatient_settlement_his_led.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(LED_DOOR, DOOR), encoding="utf-8")
    for code in ("W501", "W502"):  # maps nobody uses now, then the tables only they used
        for unused in {problem.file for problem in lint(root) if problem.code == code}:
            (root / unused).unlink()
    unused_parties = {problem.line for problem in lint(root) if problem.code == "W507"}
    engine = root / "engine.yaml"
    engine.write_text(_without(engine.read_text(encoding="utf-8"), unused_parties), encoding="utf-8")


def _without(text: str, starts: set[int]) -> str:
    """The file less the entries that begin at these lines (1, 2, …), each with what is indented below it."""
    kept: list[str] = []
    depth = -1
    for at, line_ in enumerate(text.splitlines(keepends=True), 1):
        indent = len(line_) - len(line_.lstrip(" "))
        if depth >= 0 and (indent > depth or not line_.strip()):
            continue
        depth = indent if at in starts else -1
        if depth < 0:
            kept.append(line_)
    return "".join(kept)


def checked_topology(topology: str) -> str:
    """The topology as it was given; WrongUse when there is none of this name."""
    if topology not in TOPOLOGIES:
        raise WrongUse(f"--topology: {', '.join(TOPOLOGIES)}, not {topology}")
    return topology


def init(folder: Path, topology: str = TOPOLOGIES[0]) -> int:
    """Make it. WrongUse when the folder already holds something or the topology has no such name."""
    from engine.config.problems import failing
    from engine.site.load import lint

    led = checked_topology(topology) == "his-led"
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WrongUse(f"目录不是空的 · the folder is not empty: {folder}")
    try:
        copy_site(folder)
        if led:
            led_by_his(folder)
        (folder / ".gitignore").write_text(IGNORED, encoding="utf-8")
        write_vscode(folder)
    except OSError as no:
        raise CannotRun(f"无法写入 · cannot write: {no}") from None
    wrong = failing(lint(folder))
    if wrong:
        raise CannotRun(f"示例配置有错误 · the shipped configuration is wrong: {wrong[0]}")
    line(f"{folder}")
    line("下一步 · next:")
    line(f"  engine keys     --root {folder}     # 本节点的密钥 · this node's own secrets")
    line(f"  engine simulate --root {folder}     # 模拟的外部系统 · simulated parties")
    line(f"  engine run      --root {folder}")
    return GOOD
