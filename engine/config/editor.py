"""JSON Schema for editors, so that VS Code completes field names and shows their help while somebody types."""

from __future__ import annotations

from typing import Any

from engine.config.channel import CHANNELS
from engine.config.engine_file import ENGINE_FILE
from engine.config.hl7_profile import PROFILE
from engine.config.map_file import MAP_FILE

DRAFT = "http://json-schema.org/draft-07/schema#"
FILE_KINDS = ("channel", "map", "profile", "engine")


def json_schema(kind: str) -> dict[str, Any]:
    """The schema of a file: `channel` (channels/*.yaml), `map` (mappings/*.map.yaml), `profile`
    (schemas/hl7/*.yaml) or `engine` (engine.yaml).
    KeyError for another word."""
    match kind:
        case "channel":
            branches = []
            for name, spec in CHANNELS.items():
                branch = spec.schema()
                branch["properties"]["kind"] = {**branch["properties"]["kind"], "enum": [name]}
                branches.append(branch)
            kinds = {"kind": {"enum": list(CHANNELS)}}
            return {"$schema": DRAFT, "type": "object", "properties": kinds, "required": ["kind"], "oneOf": branches}
        case "map":
            return {"$schema": DRAFT, **MAP_FILE.schema()}
        case "profile":
            return {"$schema": DRAFT, **PROFILE.schema()}
        case "engine":
            return {"$schema": DRAFT, **ENGINE_FILE.schema()}
        case _:
            raise KeyError(kind)
