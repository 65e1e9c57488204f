"""An HL7 message profile (`schemas/hl7/NAME.yaml`): what a site's Z segments hold, and in which unit amounts are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.config.problems import Mark, problem
from engine.config.spec import NOWHERE, Field, Found, ListOf, MapOf, Nested, Record, Spec, Word
from engine.config.tree import Node
from engine.config.types import WORD, Choice, Count, Name, Text

Z_SEGMENT = Name("Z 段", "a Z segment", r"Z[A-Z0-9]{2}", "Z 开头的三个字符，例如 ZJS",
                 "three characters that begin with Z, such as ZJS")  # fmt: skip


@dataclass(frozen=True, slots=True)
class ZField:
    """One field of a Z segment: its number (from 1), names, longest text in characters, and whether it must be there
    in every message."""

    at: int
    zh: str
    en: str
    longest: int
    required: bool
    note: str
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)

    @staticmethod
    def of(record: Record, found: Found) -> ZField:
        return ZField(
            record["at"], record["zh"], record["en"], record["max"], record["required"] == "yes",
            record["note"] or "", record.mark,
        )  # fmt: skip


Z_FIELD = Spec(
    "field", "Z 段字段", "a field of a Z segment",
    (
        Field("at", Count(1, 999), "第几个字段", "its number", "1", required=True),
        Field("zh", Text(), "中文名称", "its Chinese name", "动作", required=True),
        Field("en", Text(), "英文名称", "its English name", "action", required=True),
        Field("max", Count(1, 4000), "最多几个字符", "at most so many characters", "20", required=True),
        Field("required", Choice(("yes", "no")), "是否每条都必填", "whether every message has it", '"yes"',
              default="no"),
        Field("note", Text(), "说明（中英文）", "a note in both languages", "分 · fen"),
    ),
)  # fmt: skip
SEGMENT = Spec(
    "segment", "Z 段", "a Z segment",
    (
        Field("zh", Text(), "中文名称", "its Chinese name", "医保结算请求", required=True),
        Field("en", Text(), "英文名称", "its English name", "settlement request", required=True),
        Field("fields", ListOf(Nested(Z_FIELD, ZField.of), 1), "字段", "its fields",
              "[{at: 1, zh: 动作, en: action, max: 8, required: yes}]", required=True),
    ),
)  # fmt: skip
PROFILE = Spec(
    "profile", "HL7 报文说明", "an HL7 profile",
    (
        Field("profile", WORD, "名称，与文件名一致", "its name, the same as the file's", "settlement", required=True),
        Field("title", Text(), "给人看的名称", "its name for people", "HIS 以 HL7 办理结算", required=True),
        Field("amounts", Choice(("fen", "yuan")), "金额单位", "the unit of amounts", "yuan", required=True),
        Field("segments", MapOf(Nested(SEGMENT), Z_SEGMENT, 1), "Z 段", "its Z segments",
              "{ZJS: {zh: 请求, en: request, fields: […]}}", required=True),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ZSegment:
    """A Z segment: its names, its fields by number."""

    zh: str
    en: str
    fields: Mapping[int, ZField]


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile. `amounts` is fen or yuan."""

    name: Word
    title: str
    amounts: str
    segments: Mapping[str, ZSegment]


def read_profile(node: Node, file: str, stem: str, found: Found) -> Profile | None:
    """The profile of a file's tree; None when something required is missing or unreadable (noted in `found`)."""
    before = len(found)
    record = PROFILE.read(node, file, found)
    if record is None or len(found) > before:
        return None
    if record["profile"] != stem:
        found.append(problem("E215", record.at("profile"), name=record["profile"], file_name=stem))
    segments = {}
    for name, part in record["segments"].items():
        fields: dict[int, ZField] = {}
        for one in part["fields"]:
            if one.at in fields:
                found.append(problem("E310", one.mark, name=f"{name}-{one.at}", line=fields[one.at].mark.line))
            fields.setdefault(one.at, one)
        segments[str(name)] = ZSegment(str(part["zh"]), str(part["en"]), fields)
    if len(found) > before:  # what is written in its terms is judged when it is right
        return None
    return Profile(record["profile"], str(record["title"]), str(record["amounts"]), segments)
