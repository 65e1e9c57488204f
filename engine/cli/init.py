"""`engine init DIR`: a new configuration, copied from what ships with the engine, that lints clean."""

from __future__ import annotations

import shutil
from pathlib import Path

from engine.cli.say import GOOD, CannotRun, WrongUse, line

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


def init(folder: Path) -> int:
    """Make it. WrongUse when the folder already holds something."""
    from engine.config.problems import failing
    from engine.site.load import lint

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WrongUse(f"目录不是空的 · the folder is not empty: {folder}")
    try:
        copy_site(folder)
        (folder / ".gitignore").write_text(IGNORED, encoding="utf-8")
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
