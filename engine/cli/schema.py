"""`engine schema DIR`: JSON Schemas of the configuration files, for editors that complete and check while one types."""

from __future__ import annotations

import json
from pathlib import Path

from engine.cli.say import GOOD, CannotRun, line

FILES = {
    "engine": "engine.yaml", "channel": "channels/*.yaml", "map": "mappings/*.map.yaml", "profile": "schemas/hl7/*.yaml",
}  # fmt: skip


def schema(folder: Path) -> int:
    """Write `engine.schema.json`, `channel.schema.json`, `map.schema.json`, `profile.schema.json` and the settings that VS Code wants."""
    from engine.config.editor import FILE_KINDS, json_schema

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind in FILE_KINDS:
            path = folder / f"{kind}.schema.json"
            path.write_text(json.dumps(json_schema(kind), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
            line(f"{path}  ({FILES[kind]})")
    except OSError as no:
        raise CannotRun(f"无法写入 · cannot write: {no}") from None
    associations = {f"{folder.name}/{kind}.schema.json": pattern for kind, pattern in FILES.items()}
    line()
    line("VS Code（YAML 扩展）设置 · settings for VS Code with the YAML extension:")
    line(json.dumps({"yaml.schemas": associations}, indent=2))
    return GOOD
