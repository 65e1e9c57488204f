"""Another master key for the store: what was sealed before opens, whatever cuts the change off."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from engine.cli import rewrap as module
from engine.cli.folder import reading
from engine.cli.rewrap import rewrap
from engine.cli.say import CannotRun
from engine.core.world import World
from engine.store.calls import body, insert_body
from engine.store.contract import Unit
from engine.store.open import open_store

ENGINE = """engine: {name: t, profile: test}
store: sqlite:var/engine.db
keys: {store: file:var/keys/store.key, index: file:var/keys/index.key}
listeners: {api: {http: 127.0.0.1:8600}}
clients: {OPS: {secret: file:var/keys/ops, scopes: [operate]}}
parties: {emr: {kind: subscriber, url: http://127.0.0.1:8741}}
"""
OLD = b"o" * 48


def token(size: int) -> bytes:
    return os.urandom(size)  # noqa: TID251 a test's own randomness


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "var/keys").mkdir(parents=True)
    (tmp_path / "engine.yaml").write_text(ENGINE)
    key = tmp_path / "var/keys/store.key"
    key.write_bytes(OLD)
    key.chmod(0o600)
    for number, name in enumerate(("engine.db", "engine-w1.db")):
        _keep(tmp_path, name, number + 1)
    return tmp_path


def _keep(folder: Path, name: str, number: int) -> None:
    world = World(Clock(), seed=number, inline=True)
    store = open_store(str(folder / "var" / name), world, OLD, durable=False)
    for work in (store.start(), store.submit(Unit("b", (insert_body(number, b"sealed"),))), store.stop()):
        failed: list[object] = []
        _fires(work).addErrback(failed.append)
        assert not failed


def _fires(work: object) -> object:
    from twisted.internet.defer import Deferred, ensureDeferred

    return work if isinstance(work, Deferred) else ensureDeferred(work)  # type: ignore[arg-type]  # a coroutine


def _opens(folder: Path) -> bytes:
    with reading(folder) as conn:
        return bytes(body(conn, 1))


def test_what_was_sealed_before_opens_with_the_new_key(folder: Path) -> None:
    assert _opens(folder) == b"sealed"
    assert rewrap(folder, False, token) == 0
    key = folder / "var/keys/store.key"
    assert key.read_bytes().strip() != OLD
    assert key.stat().st_mode & 0o777 == 0o600
    assert (folder / "var/keys/store.key.old").read_bytes().strip() == OLD
    assert not (folder / "var/keys/store.key.new").exists()
    assert _opens(folder) == b"sealed"
    key.write_bytes(OLD)
    with pytest.raises(CannotRun):
        _opens(folder)


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_cut_off_between_two_files_it_is_ended_by_running_it_again(
    folder: Path, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, made = module._one, []

    def dies(*given: object) -> int:
        if len(made) == calls:
            raise KeyboardInterrupt
        made.append(1)
        return real(*given)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(module, "_one", dies)
    if calls < 2:
        with pytest.raises(KeyboardInterrupt):
            rewrap(folder, False, token)
    else:
        monkeypatch.setattr(module.os, "replace", _no)
        with pytest.raises(KeyboardInterrupt):
            rewrap(folder, False, token)
    monkeypatch.undo()
    assert rewrap(folder, False, token) == 0
    assert _opens(folder) == b"sealed"
    shutil.move(folder / "var/engine-w1.db", folder / "var/engine.db")
    with reading(folder) as conn:
        assert bytes(body(conn, 2)) == b"sealed"


def _no(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_running_engine_keeps_its_key(folder: Path) -> None:
    world = World(Clock(), seed=9, inline=True)
    store = open_store(str(folder / "var/engine.db"), world, OLD, durable=False)
    _fires(store.start())
    with pytest.raises(CannotRun, match="stop the engine"):
        rewrap(folder, False, token)
    _fires(store.stop())
    assert (folder / "var/keys/store.key").read_bytes() == OLD
    assert _opens(folder) == b"sealed"
