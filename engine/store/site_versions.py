"""Versions of the configuration, kept by hash as long as a settlement may need the one it began with."""

from __future__ import annotations

from collections.abc import Mapping

from engine.store.codec import decode, encode
from engine.store.contract import Connection, Sealed, Write


def keep_site(hash: str, files: Mapping[str, str], at: float) -> Write:
    """Keep the files (path → text) of a configuration; nothing happens when its hash is known."""
    return Write("site_keep", {"hash": hash, "at": at, "files": Sealed(encode(dict(files)))})


def site_files(conn: Connection, hash: str) -> dict[str, str] | None:
    """The files of a configuration; None when it is unknown."""
    row = conn.row("site_get", hash=hash)
    if row is None:
        return None
    files: dict[str, str] = decode(conn.unseal("site_versions.files", hash, row[0]))
    return files


def sites_in_use(conn: Connection) -> list[str]:
    """Hashes that settlements not yet at rest began with."""
    return [row[0] for row in conn.rows("sites_in_use")]
