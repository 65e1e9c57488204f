"""The configuration folder a command works on: its site, its node file, its store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.say import CannotRun

if TYPE_CHECKING:
    from engine.config.engine_file import EngineFile
    from engine.config.problems import Problem
    from engine.site.site import Site
    from engine.store.contract import Connection


def loaded(root: Path) -> Site:
    """The folder's site; CannotRun with every problem when it is not without fault."""
    from engine.site.load import load

    try:
        found = load(root)
    except OSError as no:
        raise CannotRun(f"配置目录无法读取 · cannot read the configuration: {no}") from None
    if isinstance(found, list):
        raise CannotRun(f"{shown(root, found)}\n\n配置有错误，未启动 · the configuration is wrong (engine lint)")
    return found


def shown(root: Path, problems: list[Problem], lang: str = "zh") -> str:
    """Problems with their source lines and carets."""
    from engine.config.problems import render_all

    sources: dict[str, str] = {}
    for name in {item.file for item in problems}:
        try:
            sources[name] = (root / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
    return render_all(problems, sources, lang)


def node_file(root: Path) -> EngineFile:
    """engine.yaml alone, without reading the rest; CannotRun when it is wrong."""
    path = root / "engine.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as no:
        raise CannotRun(f"engine.yaml 无法读取 · cannot be read: {no}") from None
    return node_file_of(root, text)


def node_file_of(root: Path, text: str) -> EngineFile:
    """engine.yaml of its text; CannotRun when it is wrong."""
    from engine.config.engine_file import read_engine_file
    from engine.config.tree import read_tree

    node, problems = read_tree(text, "engine.yaml")
    found = list(problems)
    file = read_engine_file(node, found) if node is not None else None
    if file is None or any(item.severity == "error" for item in found):
        raise CannotRun(shown(root, found))
    return file


def store_url(root: Path, file: EngineFile) -> str:
    """The store's address; a relative SQLite path starts at the configuration folder."""
    from engine.config.secret import SecretMissing, SecretRef, resolve_secret

    url = file.store
    if isinstance(url, SecretRef):
        try:
            url = resolve_secret(url, root).decode()
        except (SecretMissing, UnicodeDecodeError) as no:
            raise CannotRun(f"存储地址无法读取 · the store's address cannot be read: {no}") from None
    if url.startswith("sqlite:"):
        return str((root / url.removeprefix("sqlite:").removeprefix("///")).absolute())
    return str(url)


def master_key(root: Path, file: EngineFile) -> bytes:
    """The operator's key that opens the store; CannotRun when it cannot be read."""
    from engine.config.secret import SecretMissing, resolve_secret

    try:
        key = resolve_secret(file.keys.store, root)
    except SecretMissing as no:
        raise CannotRun(f"存储密钥无法读取 · no key for the store: {no}\n先运行 · first run: engine keys") from None
    if len(key) < 32:
        raise CannotRun(f"存储密钥太短 · the store's key is too short: {file.keys.store} (32 bytes)")
    return key


@contextmanager
def reading(root: Path) -> Iterator[Connection]:
    """A read-only view of the folder's store, also while the engine runs."""
    from engine.store.contract import CannotStart
    from engine.store.open import open_reader

    file = node_file(root)
    try:
        with open_reader(store_url(root, file), master_key(root, file)) as conn:
            yield conn
    except CannotStart as no:
        raise CannotRun(f"存储无法读取 · the store cannot be read: {no}") from None
