"""The administrator's desk in the laboratory: edits files, stages them, has the running engine take them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.app import Engine
from engine.site.files import hash_of, texts_of
from tests.rig.lab import Lab

CHANNEL = "channels/outpatient_settlement.yaml"
ENGINE = "engine.yaml"
Files = dict[str, bytes]
Answer = tuple[int, dict[str, Any]]


def running(lab: Lab) -> Engine:
    assert lab.engine is not None
    return lab.engine


def in_force(lab: Lab) -> Files:
    """All files of what is in force."""
    return dict(running(lab).sites.current.source)


def edited(files: Mapping[str, bytes], name: str, *pairs: tuple[str, str]) -> Files:
    """The files with texts of one of them replaced, each of which must be there."""
    text = files[name].decode()
    for old, new in pairs:
        assert old in text, f"{name} has no {old!r}"
        text = text.replace(old, new)
    return {**files, name: text.encode()}


def staged(folder: Path, files: Mapping[str, bytes]) -> str:
    """Put them where the engine looks; their version."""
    version = hash_of(files)
    place = folder / "var" / "staged"
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{version}.json").write_text(json.dumps(texts_of(files)))
    return version


async def apply(lab: Lab, files: Mapping[str, bytes], *, base: str = "", by: str = "测试甲") -> Answer:
    """Ask the running engine to take these files; `base`: made from what is in force, if nothing else is said."""
    body = {
        "version": staged(lab.folder, files), "base": base or running(lab).sites.current.version, "by": by,
        "reason": "测试",
    }  # fmt: skip
    return await lab.terminal("OPS", client="OPS").ask("POST", "/v1/site/apply", body)


async def taken(lab: Lab, files: Mapping[str, bytes], **more: str) -> str:
    """The same, which must succeed; the version now in force."""
    status, answer = await apply(lab, files, **more)
    assert (status, answer.get("changed")) == (200, True), answer
    return str(answer["version"])
