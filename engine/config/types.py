"""The types a field may have: what may be written, and what it is read as."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from engine.config.problems import nearest, problem
from engine.config.spec import Found, Word, text_of
from engine.config.tree import Node, plain
from engine.core.times import seconds_of

_USER = re.compile(r"://[^/@\s]*@")


@dataclass(frozen=True, slots=True)
class Text:
    """Any text; read as a Word."""

    zh: str = "文本"
    en: str = "a text"

    def read(self, node: Node, what: str, found: Found) -> Word | None:
        scalar = text_of(node, what, found)
        return None if scalar is None else Word(scalar.text, scalar.mark)

    def schema(self) -> dict[str, Any]:
        return {"type": ["string", "number", "boolean"]}


@dataclass(frozen=True, slots=True)
class Name:
    """A text of a fixed spelling; read as a Word. `rule_*` says the spelling in words."""

    zh: str
    en: str
    pattern: str
    rule_zh: str
    rule_en: str

    def read(self, node: Node, what: str, found: Found) -> Word | None:
        scalar = text_of(node, what, found)
        if scalar is None:
            return None
        if re.fullmatch(self.pattern, scalar.text, re.ASCII) is None:
            shown = _USER.sub("://••••@", scalar.text)  # a password in an address is told to nobody
            found.append(problem("E209", scalar.mark, text=shown, zh=self.zh, en=self.en,
                                 rule_zh=self.rule_zh, rule_en=self.rule_en))  # fmt: skip
            return None
        return Word(scalar.text, scalar.mark)

    def schema(self) -> dict[str, Any]:
        return {"type": ["string", "number"], "pattern": f"^(?:{self.pattern})$"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a closed list of words."""

    words: tuple[str, ...]

    @property
    def zh(self) -> str:
        return " | ".join(self.words)

    @property
    def en(self) -> str:
        return " | ".join(self.words)

    def read(self, node: Node, what: str, found: Found) -> Word | None:
        scalar = text_of(node, what, found)
        if scalar is None:
            return None
        if scalar.text not in self.words:
            found.append(problem("E204", scalar.mark, what=what, text=scalar.text, choices=", ".join(self.words),
                                 hint=nearest(scalar.text, self.words)))  # fmt: skip
            return None
        return Word(scalar.text, scalar.mark)

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time with its unit; read as seconds."""

    zh: str = "时长"
    en: str = "a duration"

    def read(self, node: Node, what: str, found: Found) -> float | None:
        scalar = text_of(node, what, found)
        if scalar is None:
            return None
        try:
            return seconds_of(scalar.text)
        except ValueError:
            found.append(problem("E205", scalar.mark, what=what, text=scalar.text))
            return None

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[1-9][0-9]{0,5}(ms|s|m|h|d)$"}


@dataclass(frozen=True, slots=True)
class Count:
    """A whole number within bounds, both included."""

    low: int
    high: int
    zh: str = "整数"
    en: str = "a whole number"

    def read(self, node: Node, what: str, found: Found) -> int | None:
        scalar = text_of(node, what, found)
        if scalar is None:
            return None
        plain_number = re.fullmatch(r"0|[1-9][0-9]{0,14}", scalar.text, re.ASCII)
        if plain_number is None or not self.low <= int(scalar.text) <= self.high:
            found.append(problem("E206", scalar.mark, what=what, text=scalar.text, low=self.low, high=self.high))
            return None
        return int(scalar.text)

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True)
class HostPort:
    """An address to listen at; read as (host, port)."""

    zh: str = "主机:端口"
    en: str = "host:port"

    def read(self, node: Node, what: str, found: Found) -> tuple[str, int] | None:
        scalar = text_of(node, what, found)
        if scalar is None:
            return None
        match = re.fullmatch(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})", scalar.text, re.ASCII)
        if match is None or int(match[2]) > 65535:
            found.append(problem("E207", scalar.mark, what=what, text=scalar.text))
            return None
        return match[1].strip("[]"), int(match[2])

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$"}


@dataclass(frozen=True, slots=True)
class Route:
    """A request line: what a listener is asked. `names` are the parameters in braces."""

    method: str
    path: Word

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(re.findall(r"\{([a-z_]+)\}", self.path))

    @property
    def shape(self) -> str:
        """The route with its parameters' names taken out: two routes of one shape cannot be told apart."""
        return f"{self.method} {re.sub(r'{[a-z_]+}', '{}', self.path)}"


@dataclass(frozen=True, slots=True)
class Request:
    """`METHOD /path/{parameter}`; read as a Route."""

    zh: str = "方法 路径"
    en: str = "METHOD /path"

    def read(self, node: Node, what: str, found: Found) -> Route | None:
        scalar = text_of(node, what, found)
        if scalar is None:
            return None
        match = re.fullmatch(r"(GET|POST|PUT|DELETE) (/(?:[A-Za-z0-9._~/-]|\{[a-z_]+\})*)", scalar.text, re.ASCII)
        if match is None or "//" in match[2] or {".", ".."} & set(match[2].split("/")):  # clients fold these away
            found.append(problem("E210", scalar.mark, what=what, text=scalar.text))
            return None
        return Route(match[1], Word(match[2], scalar.mark))

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^(GET|POST|PUT|DELETE) /[A-Za-z0-9._~/{}-]*$"}


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """Beijing wall time; read as seconds after midnight."""

    zh: str = "时刻"
    en: str = "a time of day"

    def read(self, node: Node, what: str, found: Found) -> int | None:
        scalar = text_of(node, what, found)
        if scalar is None:
            return None
        match = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])", scalar.text, re.ASCII)
        if match is None:
            found.append(problem("E213", scalar.mark, what=what, text=scalar.text))
            return None
        return int(match[1]) * 3600 + int(match[2]) * 60

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}


@dataclass(frozen=True, slots=True)
class Free:
    """Anything, as text, lists and dicts."""

    zh: str = "任意内容"
    en: str = "anything"

    def read(self, node: Node, what: str, found: Found) -> Any:
        return plain(node)

    def schema(self) -> dict[str, Any]:
        return {}


WORD = Name("名称", "a name", r"[a-z][a-z0-9_]{0,63}", "小写字母开头，只含小写字母、数字和下划线",
            "lower-case letters, digits and underscores, a letter first")  # fmt: skip
CALL = Name("调用名", "a call's name", r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+", "写成 对象.动作，例如 his.bill",
            "written as thing.deed, such as his.bill")  # fmt: skip
PATH = Name("数据路径", "a data path", r"[a-z][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*",
            "用点连接的名称，例如 his.bill.items", "names joined by dots, such as his.bill.items")  # fmt: skip
LINES = Name("清单路径", "a path through a list",
             r"[a-z][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*\[\](\.[A-Za-z_][A-Za-z0-9_]*)+",
             "列表后写 []，例如 his.bill.items[].line_no",
             "with [] behind the list, such as his.bill.items[].line_no")  # fmt: skip
IDENT = Name("编号", "an id", r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", "字母、数字、点、横线和下划线",
             "letters, digits, dots, hyphens and underscores")  # fmt: skip
