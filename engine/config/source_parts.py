"""Listeners of engine.yaml that go and fetch: a drop directory, a directory on an SFTP server, a database's view."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import engine.config.codes_sources  # noqa: F401 - declares the codes of these listeners
from engine.config.problems import Mark, nearest, problem
from engine.config.secret import Secret, SecretRef
from engine.config.spec import NOWHERE, Field, Found, ListOf, Record, Spec, Word, text_of
from engine.config.tree import Node
from engine.config.types import Choice, Count, Duration, HostPort, Name, Text

FOLDER = Name("目录", "a directory", r"/[^\x00-\x1f]*", "绝对路径，以 / 开头", "an absolute path, beginning with /")
FILES = Name("文件名模式", "a pattern of file names", r"[^/\x00-\x1f]{1,100}", "不含 /，可用 * 和 ?",
             "no /; * and ? may be used")  # fmt: skip
ENDING = Name("后缀", "an ending", r"\.[A-Za-z0-9_]{1,20}", "以点开头", "it begins with a dot")
HOST_KEY = Name("主机公钥指纹", "a host key's fingerprint", r"SHA256:[A-Za-z0-9+/]{43}=?",
                "写成 SHA256:…（ssh-keygen -lf 的输出）", "written SHA256:…, as ssh-keygen -lf prints it")  # fmt: skip
COLUMN = Name("列名", "a column's name", r"[^\x00-\x1f\"`\[\];]{1,128}", "与数据库中的大小写一致，不含引号和分号",
              "spelled as the database does, without quotes or semicolons")  # fmt: skip
WHOLE = ("rename", "stable", "marker")
DATABASES = ("oracle", "mssql", "postgresql", "mysql", "sqlite")
YES = Choice(("yes", "no"))


@dataclass(frozen=True, slots=True)
class Files:
    """Which files of a directory are taken, when they are whole, what becomes of them. Times in seconds."""

    directory: str
    files: str
    whole: str
    still: float
    marker: str
    every: float
    overdue: float
    keep: bool
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)

    @staticmethod
    def of(record: Record, found: Found) -> Files:
        for name, needs in (("still", "stable"), ("marker", "marker")):
            if name in record.marks and record["whole"] != needs:
                found.append(problem("E541", record.at(name), name=name, needs=needs))
        return Files(
            str(record["directory"]), str(record["files"]), str(record["whole"]), record["still"],
            str(record["marker"]), record["every"], record["overdue"], record["keep"] == "yes", record.mark,
        )  # fmt: skip


_FILES = (
    Field("directory", FOLDER, "目录（绝对路径）", "the directory, an absolute path", "/data/lis/out", required=True),
    Field("files", FILES, "取哪些文件", "which files are taken", "*.hl7", default="*"),
    Field("whole", Choice(WHOLE), "怎样算写完：改名、一段时间不变、另有标记文件",
          "how a file shows that it is whole: renamed into place, unchanged for a while, a marker beside it", "rename",
          default="rename"),
    Field("still", Duration(), "多久不变算写完（whole: stable）", "unchanged for so long is whole (whole: stable)",
          "10s", default=10.0),
    Field("marker", ENDING, "标记文件的后缀（whole: marker）", "the marker's ending (whole: marker)", ".ok",
          default=".ok"),
    Field("every", Duration(), "多久看一次", "how often it is looked at", "5s", default=5.0),
    Field("overdue", Duration(), "多久还没写完就提醒", "a file not whole after so long is pointed out", "10m",
          default=600.0),
    Field("keep", YES, "取走的文件存入 archive（no：删除）", "files taken are kept in archive (no: deleted)", "yes",
          default="yes"),
)  # fmt: skip
DROP = Spec("drop", "投递目录", "a drop directory", _FILES)


@dataclass(frozen=True, slots=True)
class Sftp:
    """A directory on an SFTP server, and how to sign in. `host_keys`: fingerprints, any of them."""

    host: tuple[str, int]
    user: str
    host_keys: tuple[str, ...]
    password: SecretRef | None
    key: SecretRef | None
    passphrase: SecretRef | None
    files: Files
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)

    @staticmethod
    def of(record: Record, found: Found) -> Sftp | None:
        if "password" not in record.marks and "key" not in record.marks:
            found.append(problem("E218", record.mark, choices="key, password"))
            return None
        return Sftp(
            record["host"], str(record["user"]), tuple(str(one) for one in record["host_keys"]), record["password"],
            record["key"], record["passphrase"], Files.of(record, found), record.mark,
        )  # fmt: skip


SFTP = Spec(
    "sftp", "SFTP 目录", "a directory on an SFTP server",
    (
        Field("host", HostPort(), "服务器", "the server", "10.1.2.3:22", required=True),
        Field("user", Text(), "用户", "the user", "engine", required=True),
        Field("host_keys", ListOf(HOST_KEY, 1), "服务器公钥的指纹（不认识的服务器不登录）",
              "fingerprints of the server's key; a server we do not know hears no password",
              "[SHA256:uNiVztksCsDhcc0u9e8BrrJkOKNAzGv9nMKWlgVMtjY]", required=True),
        Field("password", Secret(), "登录口令", "the password", "file:var/keys/lis-sftp.password"),
        Field("key", Secret(), "登录私钥（PEM）", "the private key (PEM)", "file:var/keys/lis-sftp.key"),
        Field("passphrase", Secret(), "私钥的口令", "the private key's passphrase", "file:var/keys/lis-sftp.phrase"),
        *_FILES,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DatabaseType:
    """A database's address without a password; read as a Word."""

    zh: str = "数据库地址"
    en: str = "a database's address"

    def read(self, node: Node, what: str, found: Found) -> Word | None:
        scalar = text_of(node, what, found)
        if scalar is None:
            return None
        match = re.fullmatch(r"([a-z0-9]+)(\+[a-z0-9]+)?:(//[^\s]+|/[^\s]+|[^\s/][^\s]*)", scalar.text, re.ASCII)
        if match is None:
            found.append(problem("E211", scalar.mark, what=what, detail="oracle://user@host:1521/?service_name=his"))
            return None
        if re.match(r"//[^/@]*:[^/@]+@", match[3]) or re.search(r"passw(or)?d=", match[3], re.IGNORECASE):
            found.append(problem("E208", scalar.mark, what=what))
            return None
        if match[1] not in DATABASES:
            hint = nearest(match[1], DATABASES)
            found.append(problem("E542", scalar.mark, name=match[1], known=", ".join(DATABASES), hint=hint))
            return None
        return Word(scalar.text, scalar.mark)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^({'|'.join(DATABASES)})(\\+[a-z0-9]+)?:"}


@dataclass(frozen=True, slots=True)
class Poll:
    """A view that is read above a high-water mark. Times in seconds."""

    database: str
    password: SecretRef | None
    view: str
    schema: str
    mark_column: str
    key: str
    columns: tuple[str, ...]
    yuan: tuple[str, ...]
    every: float
    page: int
    lag: float
    wait: float
    everything: bool
    mangled: bool
    ahead: float
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)

    @staticmethod
    def of(record: Record, found: Found) -> Poll:
        for name in record["yuan"]:
            if name not in record["columns"]:
                found.append(problem("E543", name.mark, name=name, hint=nearest(name, record["columns"])))
        return Poll(
            str(record["database"]), record["password"], str(record["view"]), str(record["schema"]),
            str(record["mark"]), str(record["key"]), tuple(str(one) for one in record["columns"]),
            tuple(str(one) for one in record["yuan"]), record["every"], record["page"], record["lag"], record["wait"],
            record["begin"] == "oldest", record["mangled"] == "yes", record["ahead"], record.mark,
        )  # fmt: skip


POLL = Spec(
    "poll", "轮询视图", "a view that is polled",
    (
        Field("database", DatabaseType(), "数据库地址（不含口令）", "the database's address, without a password",
              "oracle://engine@10.1.2.3:1521/?service_name=his", required=True),
        Field("password", Secret(), "口令", "the password", "file:var/keys/his-db.password"),
        Field("view", COLUMN, "视图", "the view", "V_SETTLED", required=True),
        Field("schema", COLUMN, "所在的模式", "the schema it is in", "HIS", default=""),
        Field("mark", COLUMN, "只增不减的列（时间、序号）", "the column that only grows: a time, a number", "UPD_TIME",
              required=True),
        Field("key", COLUMN, "同一时间的各行由哪一列区分", "the column that tells rows of one mark apart", "ID",
              required=True),
        Field("columns", ListOf(COLUMN, 1), "读哪些列", "which columns are read", "[PAT_ID, AMT]", required=True),
        Field("yuan", ListOf(COLUMN, 1), "其中以元为单位的金额列", "which of them are amounts in yuan", "[AMT]",
              default=()),
        Field("every", Duration(), "多久读一次", "how often it is read", "5s", default=5.0),
        Field("page", Count(1, 10_000), "一次最多读几行", "most rows at once", "200", default=200),
        Field("lag", Duration(), "一行出现多久后才读（等候迟提交的更早的行）",
              "how long a row must have been there (rows with a lower mark may be committed later)", "5s",
              default=5.0),
        Field("ahead", Duration(), "标记列是时间时，晚于现在多久算写错：这样的行立即收下一次，不作为已读到的位置",
              "how much later than now a mark that is a time must be to count as a mistake: such a row is taken at "
              "once, only once, and does not become what was read up to", "10m", default=600.0),
        Field("wait", Duration(), "一次查询最多等多久", "how long one query may take", "30s", default=30.0),
        Field("begin", Choice(("now", "oldest")), "第一次从哪里开始", "where the very first reading begins", "now",
              default="now"),
        Field("mangled", YES, "文本被驱动当作 Latin-1（US7ASCII 库中存的是 GBK）",
              "the driver takes text for Latin-1 (a US7ASCII database that holds GBK)", "no", default="no"),
    ),
)  # fmt: skip


def folder_of(drop: Files | None, sftp: Sftp | None) -> tuple[str, str] | None:
    """(where, directory) that a listener empties; None for one that empties none."""
    if drop is not None:
        return "", drop.directory.rstrip("/") or "/"
    if sftp is not None:
        return f"{sftp.host[0]}:{sftp.host[1]}", sftp.files.directory.rstrip("/") or "/"
    return None
