"""`engine keys`: makes the node's own secrets where engine.yaml says they are; keeps those that exist.

Keys of outside parties are never made here: they come from the party (in the demo, from the simulators' cards).
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.folder import node_file
from engine.cli.say import CannotRun, document, line, table
from engine.config.secret import SecretRef
from engine.console.passwords import password_hash

if TYPE_CHECKING:
    from engine.config.engine_file import EngineFile

Token = Callable[[int], bytes]


def keys(root: Path, as_json: bool = False) -> int:
    """Make what is missing and list all. Exit code 0."""
    from twisted.internet import reactor  # noqa: TID251 the command line is where the reactor is handed in

    from engine.core.world import World

    world = World(reactor)
    rows = make_keys(root, node_file(root), world.token)
    if as_json:
        document([asdict(row) for row in rows])
        return 0
    table("密钥 · keys", ("key", "place", "state"), [(r.key, r.place, "made" if r.made else "kept") for r in rows])
    for row in rows:
        if row.password:
            line(f"{row.key}: 口令只显示这一次 · its password, shown this once: {row.password}")
    return 0


@dataclass(frozen=True, slots=True)
class Made:
    """A secret of this node. `password`: what a person types, when it was made now; only its hash is kept."""

    key: str
    place: str
    made: bool
    password: str = ""


def own_secrets(file: EngineFile) -> Iterator[tuple[str, SecretRef]]:
    """The secrets this node makes for itself, with what each is for."""
    yield "store", file.keys.store
    yield "index", file.keys.index
    for name, client in file.clients.items():
        yield f"client {name}", client.secret


def make_keys(root: Path, file: EngineFile, token: Token) -> list[Made]:
    """Every secret, made now where it was missing; files 0600 in folders 0700."""
    rows = []
    for what, ref in own_secrets(file):
        made = ref.kind == "file" and not (root / ref.place).exists()
        if made:
            write_secret(root / ref.place, base64.b64encode(token(48)))
        rows.append(Made(what, str(ref), made))
    for name, user in file.console.users.items() if file.console is not None else ():
        made = user.password.kind == "file" and not (root / user.password.place).exists()
        password = _password(token) if made else ""
        if made:
            write_secret(root / user.password.place, password_hash(password, token(16)).encode())
        rows.append(Made(f"user {name}", str(user.password), made, password))
    return rows


def _password(token: Token) -> str:
    """Sixteen letters in fours, easy to read out; 80 bits."""
    text = base64.b32encode(token(10)).decode("ascii").lower()
    return "-".join(text[at : at + 4] for at in range(0, 16, 4))


def write_secret(path: Path, content: bytes) -> None:
    """A file only its owner may read, whole or not at all; CannotRun when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = path.with_name(f".{path.name}.{os.getpid()}")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as no:
        raise CannotRun(f"密钥无法写入 · a key cannot be written: {path}: {no.strerror}") from None


def references(tree: Any) -> Iterator[SecretRef]:
    """Every reference in a connection's settings, also among the keys of a mapping."""
    match tree:
        case SecretRef():
            yield tree
        case dict():
            for key, value in tree.items():
                yield from references(key)
                yield from references(value)
        case list() | tuple():
            for item in tree:
                yield from references(item)
