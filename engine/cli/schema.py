"""`engine schema DIR`: JSON Schemas of the configuration files, for editors that complete and check while one types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.say import GOOD, CannotRun, WrongUse, line

if TYPE_CHECKING:
    from engine.parties.settings import Setting

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
    """Write one `KIND.schema.json` for each kind of file, and print the settings that VS Code wants when it has the
    folder open that this is run in. A folder among a configuration's own schemas is refused: these are none of them."""
    from engine.site.files import ENGINE_FILE

    place = folder.resolve()
    for above in place.parents:
        if (above / ENGINE_FILE).is_file() and place.is_relative_to(above / "schemas"):
            raise WrongUse(
                f"schemas/ 里的文件属于配置，会被启用；请换一个目录，如 {VSCODE}/engine · "
                f"what lies in schemas/ is part of the configuration; name another folder, as {VSCODE}/engine"
            )
    try:
        for path, kind in write_schemas(folder):
            line(f"{path}  ({', '.join(FILES[kind])})")
    except OSError as no:
        raise CannotRun(f"无法写入 · cannot write: {no}") from None
    line()
    line("VS Code（YAML 扩展）设置 · settings for VS Code with the YAML extension:")
    here = Path.cwd()
    prefix = place.relative_to(here) if place.is_relative_to(here) else place
    line(json.dumps(settings(prefix.as_posix()), indent=2))
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
    """The kinds of parties this program has, and the settings of each: only those and the common fields may stand."""
    from engine.parties.registry import PARTIES
    from engine.parties.settings import settings_help

    party["properties"]["kind"]["enum"] = sorted(PARTIES)
    common = dict.fromkeys(party["properties"], True)
    party["allOf"] = []
    for kind, one in sorted(PARTIES.items()):
        own = settings_help(one.settings)
        then = {
            "properties": {**common, **{name: _of_a_setting(setting) for name, setting in own.items()}},
            "additionalProperties": False,
            "required": [name for name, setting in own.items() if setting.required],
        }
        chosen = {"properties": {"kind": {"const": kind}}, "required": ["kind"]}
        party["allOf"].append({"if": chosen, "then": then})


def _of_a_setting(one: Setting) -> dict[str, Any]:
    """What an editor checks, completes and shows beside the setting's name."""
    form = one.form_zh if one.form_zh == one.form_en else f"{one.form_zh} · {one.form_en}"
    must = ["必填 · required"] if one.required else []
    default = [f"默认 · default: {one.default}"] if one.default else []
    about = "\n\n".join([f"{one.zh} · {one.en}", "; ".join([form, *must, *default])])
    return {**one.schema, "description": about, **({"default": one.default} if one.default else {})}
