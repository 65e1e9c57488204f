"""`engine schema DIR`: JSON Schemas of the configuration files, for editors that complete and check while one types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.cli.say import GOOD, CannotRun, line

FILES: Mapping[str, tuple[str, ...]] = {
    "engine": ("engine.yaml",),
    "channel": ("channels/*.yaml", "!channels/*.test.yaml"),
    "test": ("channels/*.test.yaml",),
    "map": ("mappings/*.map.yaml",),
    "profile": ("schemas/hl7/*.yaml",),
}
"""Kind of file → where such files are; `!` leaves some out."""
VSCODE = ".vscode"


def schema(folder: Path) -> int:
    """Write one `KIND.schema.json` for each kind of file, and print the settings that VS Code wants."""
    try:
        for path, kind in write_schemas(folder):
            line(f"{path}  ({', '.join(FILES[kind])})")
    except OSError as no:
        raise CannotRun(f"无法写入 · cannot write: {no}") from None
    line()
    line("VS Code（YAML 扩展）设置 · settings for VS Code with the YAML extension:")
    line(json.dumps(settings(folder.name), indent=2))
    return GOOD


def write_schemas(folder: Path) -> list[tuple[Path, str]]:
    """Write them; (file, kind) of each. OSError when that is not possible."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for kind in FILES:
        path = folder / f"{kind}.schema.json"
        path.write_text(json.dumps(schema_of(kind), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        made.append((path, kind))
    return made


def write_vscode(root: Path) -> None:
    """What VS Code needs to complete and check the files of this folder: schemas, settings, the extension to have."""
    folder = root / VSCODE
    write_schemas(folder / "engine")
    for name, tree in (("settings", settings(f"{VSCODE}/engine")), ("extensions", EXTENSIONS)):
        (folder / f"{name}.json").write_text(json.dumps(tree, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


EXTENSIONS = {"recommendations": ["redhat.vscode-yaml"]}


def settings(prefix: str) -> dict[str, Any]:
    """VS Code's settings for schemas that lie in the folder `prefix` of the workspace."""
    return {
        "yaml.schemas": {f"{prefix}/{kind}.schema.json": list(patterns) for kind, patterns in FILES.items()},
        "files.associations": {"*.yaml": "yaml"},
        "[yaml]": {"editor.autoIndent": "keep", "editor.formatOnSave": False},
    }


def schema_of(kind: str) -> dict[str, Any]:
    """The JSON Schema of one kind of file (a key of FILES)."""
    from engine.config.editor import DRAFT, json_schema
    from engine.conversation_file import FILE as TEST

    if kind == "test":
        return {"$schema": DRAFT, **TEST.schema()}
    made = json_schema(kind)
    if kind == "engine":
        _know_parties(made["properties"]["parties"]["additionalProperties"])
    return made


def _know_parties(party: dict[str, Any]) -> None:
    """The kinds of parties this program has, and the settings of each."""
    from engine.parties.registry import PARTIES

    party["properties"]["kind"]["enum"] = sorted(PARTIES)
    party["allOf"] = [
        {
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": {"properties": _settings_of(one.settings.model_json_schema())},
        }
        for kind, one in sorted(PARTIES.items())
    ]


def _settings_of(model: Mapping[str, Any]) -> dict[str, Any]:
    """Names to complete with what is known of each: its default and its words. A reference (`file:…`) may stand for
    every value, so that nothing here forbids one."""
    found: dict[str, Any] = {}
    for name, field in model.get("properties", {}).items():
        words = field.get("enum") or next((one["enum"] for one in field.get("anyOf", ()) if "enum" in one), None)
        must = "必填 · required" if name in model.get("required", ()) else ""
        said = " · ".join(part for part in (field.get("description", ""), must) if part)
        about = {"description": said} if said else {}
        default = {"default": field["default"]} if isinstance(field.get("default"), str | int | bool) else {}
        found[name] = {**about, **default, **({"examples": words} if words else {})}
    return found
