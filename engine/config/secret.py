"""Secrets by reference: configuration names where a secret is, and it is read at the moment of use."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.config.problems import problem
from engine.config.spec import Found, text_of
from engine.config.tree import Node

SECRET_BYTES_MAX = 65_536
_REF = re.compile(r"(file):(?!/?/?$)(.+)|(env):([A-Za-z_][A-Za-z0-9_]*)", re.ASCII)


class SecretMissing(Exception):
    """A secret cannot be read now; the text names the reference, never the content."""


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is: `file:PATH` (relative to the configuration's folder) or `env:NAME`."""

    kind: str
    place: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.place}"


def secret_ref(text: str) -> SecretRef | None:
    """The reference a text is, or None when it is none."""
    match = _REF.fullmatch(text.strip())
    if match is None:
        return None
    return SecretRef(match[1] or match[3], match[2] or match[4])


def _maker(ref: SecretRef) -> str:
    """Who writes the file, where it is a simulator's."""
    return " (engine simulate 会写入 · engine simulate writes it)" if ref.place.startswith("var/sim/") else ""


def resolve_secret(ref: SecretRef, root: Path) -> bytes:
    """The secret's bytes as they are now, without a line break at the end; SecretMissing when there is none.

    `root` is the folder that relative paths start from. At most 65,536 bytes.
    """
    if ref.kind == "env":
        text = os.environ.get(ref.place)
        if not text:
            raise SecretMissing(f"{ref}: the environment variable is not set")
        return os.fsencode(text)
    try:
        with (root / ref.place).open("rb") as file:
            data = file.read(SECRET_BYTES_MAX + 1)
    except OSError as bad:
        raise SecretMissing(f"{ref}: {bad.strerror or 'cannot be read'}{_maker(ref)}") from None
    if len(data) > SECRET_BYTES_MAX:
        raise SecretMissing(f"{ref}: larger than {SECRET_BYTES_MAX} bytes")
    data = data.removesuffix(b"\n").removesuffix(b"\r")
    if not data:
        raise SecretMissing(f"{ref}: the file is empty")
    return data


def resolve_settings(settings: Any, root: Path) -> Any:
    """A connection's settings with every reference (also among a mapping's keys) replaced by its UTF-8 text.

    SecretMissing when one cannot be read now or is not text.
    """
    match settings:
        case SecretRef():
            try:
                return resolve_secret(settings, root).decode()
            except UnicodeDecodeError:
                raise SecretMissing(f"{settings}: not UTF-8 text") from None
        case dict():
            return {resolve_settings(key, root): resolve_settings(value, root) for key, value in settings.items()}
        case list() | tuple():
            return [resolve_settings(item, root) for item in settings]
        case _:
            return settings


@dataclass(frozen=True, slots=True)
class Secret:
    """A field that holds a secret: only a reference may be written; read as a SecretRef."""

    zh: str = "密钥引用"
    en: str = "a secret's reference"

    def read(self, node: Node, what: str, found: Found) -> SecretRef | None:
        scalar = text_of(node, what, found)
        if scalar is None:
            return None
        ref = secret_ref(scalar.text)
        if ref is None:
            found.append(problem("E208", scalar.mark, what=what))
        return ref

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^(file:.+|env:[A-Za-z_][A-Za-z0-9_]*)$"}
