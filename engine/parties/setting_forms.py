"""The patterns of parties' settings, said in words: Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_PATH = ("空，或以 / 开头的路径（末尾没有 /）", "empty, or a path from / that does not end in /")
_FILE = ("文件名，不含扩展名", "a file's name without its ending")
_URL = ("http(s):// 地址，没有 ? 与 #", "an http(s):// address without ? and #")
_NAME = ("元素名：字母或 _ 开头", "an element's name: a letter or _ first")

PATTERNS: Final[Mapping[str, tuple[str, str]]] = {
    r"^(/[A-Za-z0-9._-]+)*$": _PATH,
    r"^(/[A-Za-z0-9._-]*)+$": ("以 / 开头的路径", "a path from /"),
    r"^/[A-Za-z0-9._/-]{1,100}$": ("以 / 开头的路径", "a path from /"),
    r"^/[A-Za-z0-9._~/-]*$": ("以 / 开头的路径", "a path from /"),
    r"^(/[^?#\s]*)?$": ("空，或以 / 开头的路径", "empty, or a path from /"),
    r"^[A-Za-z0-9_-]{1,64}$": _FILE,
    r"^[A-Za-z0-9_.-]{1,64}$": _FILE,
    r"^[A-Za-z0-9._-]{1,64}$": ("路径的一段", "one part of a path"),
    r"^[A-Za-z0-9_-]*\{number\}[A-Za-z0-9_.-]*$": (
        "含 {number} 的文件名，最多 80 字", "a file's name with {number} in it, at most 80 characters"),
    r"^(\.[A-Za-z0-9_]{1,20})?$": ("空，或以 . 开头的扩展名", "empty, or an ending that begins with a dot"),
    r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}$": _NAME,
    r"^[A-Za-z_][A-Za-z0-9_]{0,30}$": _NAME,
    r"^([A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*)?$": (
        "空，或用点连接的名称", "empty, or names joined by dots"),
    r"^https?://[^?#\s]{1,240}$": _URL,
    r"^https?://[^?#&\s]{1,240}$": ("http(s):// 地址，没有 ?、# 与 &", "an http(s):// address without ?, # and &"),
    r"^(https?://[^?#\s]{1,200})?$": ("空，或 http(s):// 地址", "empty, or an http(s):// address"),
    r"^[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?$": ("主机名，可带 :端口", "a host's name, :port may follow"),
    r"^[0-9]{6}$": ("6 位数字", "6 digits"),
    r"^[0-9]{8,32}$": ("8 至 32 位数字", "8 to 32 digits"),
    r"^2088[0-9]{12}$": ("2088 开头的 16 位数字", "16 digits that begin with 2088"),
    r"^[0-9.]{1,16}$": ("数字与点", "digits and dots"),
    r"^[0-9A-Fa-f]{8,64}$": ("8 至 64 位十六进制数", "8 to 64 hexadecimal digits"),
    r"^[0-9A-Za-z]{8}$": ("8 位字母或数字", "8 letters or digits"),
    r"^[0-9A-Za-z]{15}$": ("15 位字母或数字", "15 letters or digits"),
    r"^[0-9A-Za-z]{1,20}$": ("1 至 20 位字母或数字", "1 to 20 letters or digits"),
    r"^[0-9A-Za-z]{1,30}$": ("1 至 30 位字母或数字", "1 to 30 letters or digits"),
    r"^[A-Z][0-9A-Z]{11}$": (
        "12 位：首位大写字母，其余大写字母或数字", "12 characters: a capital letter, then capitals or digits"),
    r"^[\x21-\x7e]{16,64}$": ("16 至 64 个 ASCII 字符，无空格", "16 to 64 ASCII characters without blanks"),
    r"^[\x21-\x7e]{8,128}$": ("8 至 128 个 ASCII 字符，无空格", "8 to 128 ASCII characters without blanks"),
    r"^([\x21-\x7e]{16,128})?$": ("16 至 128 个 ASCII 字符，无空格", "16 to 128 ASCII characters without blanks"),
    r"^[\x21-\x7e]{32}$": ("32 个 ASCII 字符，无空格", "32 ASCII characters without blanks"),
    r"^([\x21-\x7e]{32})?$": ("32 个 ASCII 字符，无空格", "32 ASCII characters without blanks"),
}  # fmt: skip


def in_words(pattern: str) -> tuple[str, str]:
    """What a text must look like; the pattern itself where nobody has said it yet."""
    return PATTERNS.get(pattern, (f"符合 {pattern} 的文本", f"a text that matches {pattern}"))
