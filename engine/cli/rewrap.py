"""`engine keys --rewrap`: another master key for the store, while the engine is stopped.

Data stays as it is: only the keys that seal it are wrapped anew. Whatever the moment at which this is cut off, to run
it again ends it: the new key lies beside the old one until every store file knows it.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path

from engine.cli.folder import master_key, node_file, store_url
from engine.cli.keys import write_secret
from engine.cli.say import GOOD, CannotRun, document, line
from engine.config.secret import SecretMissing, SecretRef, resolve_secret
from engine.store.beside import worker_files
from engine.store.contract import CannotStart
from engine.store.keys import rewrap_keys, stored_keys
from engine.store.open import backend_of
from engine.store.sealing import Sealer, WrongMasterKey

Token = Callable[[int], bytes]


def rewrap(root: Path, as_json: bool, token: Token) -> int:
    """Make a new master key and wrap the stored keys with it; the old one is kept as `….old`. CannotRun when the key
    is not in a file, the engine runs, or the store's keys open with neither."""
    file = node_file(root)
    ref = file.keys.store
    if ref.kind != "file":
        raise CannotRun(f"存储密钥不在文件里，请在其所在之处更换 · the store's key is not in a file: {ref}")
    old, place = master_key(root, file), root / ref.place
    fresh = place.with_name(f"{place.name}.new")
    if not fresh.exists():
        write_secret(fresh, base64.b64encode(token(48)))
    new = _read(root, f"{ref.place}.new")
    url = store_url(root, file)
    files = [url] if url.startswith("postgres") else [one for one in (url, *worker_files(url)) if Path(one).exists()]
    done = {"store" if "://" in one else Path(one).name: _one(one, old, new, token) for one in files}
    kept = place.with_name(f"{place.name}.old")
    write_secret(kept, old)
    os.replace(fresh, place)
    if as_json:
        document({"rewrapped": done, "key": str(ref), "old": str(kept.relative_to(root))})
        return GOOD
    for name, count in done.items():
        line(f"{name}: {count}")
    line(f"新密钥已启用；旧密钥留作打开旧备份 · the new key is in force, the old one opens old backups: {kept.name}")
    return GOOD


def _read(root: Path, place: str) -> bytes:
    try:
        return resolve_secret(SecretRef("file", place), root)
    except SecretMissing as no:
        raise CannotRun(str(no)) from None


def _one(url: str, old: bytes, new: bytes, token: Token) -> int:
    """Wrap one store's keys anew; how many, 0 when that was done before."""
    backend = backend_of(url)
    try:
        backend.open()
    except CannotStart as no:
        raise CannotRun(f"请先停止引擎 · stop the engine first: {no}") from None
    try:
        before, after = Sealer(old, token), Sealer(new, token)
        rows = stored_keys(backend)
        try:
            before.load(rows)
        except WrongMasterKey:
            after.load(rows)
            return 0
        return rewrap_keys(backend, before, after)
    except WrongMasterKey as no:
        raise CannotRun(f"{Path(url).name}: {no}") from None
    finally:
        backend.close()
