"""E8xx: JSON Schema files that cannot be used."""

from __future__ import annotations

from engine.config.problems import Code, declare

declare(
    Code(
        "E801",
        "不是有效的 JSON：{detail}",
        "not valid JSON: {detail}",
        "schemas/ 下的 .json 文件必须是 UTF-8 编码的 JSON。",
        "A .json file in schemas/ is JSON in UTF-8.",
        '{"type": "object",}',
        '{"type": "object"}',
    ),
    Code(
        "E802",
        "不是有效的 JSON Schema（{path}）：{detail}",
        "not a valid JSON Schema ({path}): {detail}",
        "关键字或类型写错的 Schema 会放过不该放过的请求。引用只能指向同一文件内部（#/$defs/…）。",
        "A schema with a wrong keyword lets through what it should stop. References stay inside the file (#/$defs/…).",
        '{"type": "objekt"}',
        '{"type": "object"}',
    ),
    Code(
        "E815",
        "properties 里没有“{name}”（{path}），谁也给不出这个字段",
        '"{name}" ({path}) is not among the properties: nobody can give this field',
        "不许多余字段（additionalProperties: false）的对象，要求或限制一个没有定义的字段，"
        "就没有一个请求合格，或者这条规则永远不起作用。",
        "An object that allows no other fields (additionalProperties: false) and demands or rules one that it does not "
        "define refuses every request, or has a rule that never holds.",
        '{"properties": {"no": {}}, "required": ["nr"], "additionalProperties": false}',
        '{"properties": {"no": {}}, "required": ["no"], "additionalProperties": false}',
    ),
)
