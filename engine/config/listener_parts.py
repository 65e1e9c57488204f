"""The doors of engine.yaml: what listens, and what fetches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.config.mllp_parts import HL7_SENDER, SENDER, TLS, Network, Sender, Tls
from engine.config.problems import Mark, problem
from engine.config.source_parts import DROP, POLL, SFTP, Files, Poll, Sftp
from engine.config.spec import NOWHERE, Field, Found, ListOf, MapOf, Nested, Record, Spec
from engine.config.types import WORD, Choice, Count, Duration, HostPort, Name

URL_PATH = Name("路径前缀", "a path", r"/[A-Za-z0-9._~/-]*", "以 / 开头", "it begins with /")


@dataclass(frozen=True, slots=True)
class Listener:
    """A door: an address of its own (`http`, or `mllp` for HL7), a place it fetches from (`drop`, `sftp`, `poll`), or a
    path at another one's (`on` names it), whose connections it shares. `path`: where callbacks come in. Limits: bytes
    and seconds. `charset` of who declares none, `tls` of HTTP and MLLP. Of an MLLP listener only: `peers` (addresses
    and networks that may connect; none: all), `senders` (MSH-3 or MSH-3^MSH-4 → client)."""

    http: tuple[str, int] | None
    on: str
    path: str
    body_bytes: int
    connections: int
    idle: float
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)
    marks: Mapping[str, Mark] = field(default_factory=dict, compare=False, repr=False)
    mllp: tuple[str, int] | None = None
    charset: str = ""
    tls: Tls | None = None
    peers: tuple[str, ...] = ()
    senders: Mapping[str, Sender] = field(default_factory=dict)
    drop: Files | None = None
    sftp: Sftp | None = None
    poll: Poll | None = None

    @property
    def usual_charset(self) -> str:
        """In which the bytes of who declares no character set are read."""
        return self.charset or "UTF-8"

    @staticmethod
    def of(record: Record, found: Found) -> Listener | None:
        given = [name for name in _DOORS if name in record.marks]
        if len(given) > 1:
            found.append(problem("E216", record.at(given[1]), one=given[0], other=given[1]))
            return None
        for name, homes in _BELONGS.items():
            if name in record.marks and given and given[0] not in homes:
                found.append(problem("E216", record.at(name), one=given[0], other=name))
        if not any(record[name] for name in _DOORS):
            if not given:
                found.append(problem("E218", record.mark, choices=", ".join(_DOORS)))
            return None
        idle = record["idle"] or (MLLP_IDLE if record["mllp"] else HTTP_IDLE)
        return Listener(
            record["http"], record["shares"], record["path"], record["body_bytes"], record["connections"],
            idle, record.mark, record.marks, record["mllp"], str(record["charset"] or ""), record["tls"],
            tuple(str(one) for one in record["peers"]), record["senders"], record["drop"], record["sftp"],
            record["poll"],
        )  # fmt: skip


_DOORS = ("http", "mllp", "drop", "sftp", "poll", "shares")
_BELONGS = {
    "charset": ("mllp", "drop", "sftp", "poll"), "tls": ("http", "mllp"), "peers": ("mllp",), "senders": ("mllp",),
    "connections": ("http", "mllp"), "idle": ("http", "mllp"), "path": ("http", "mllp", "shares"),
}  # fmt: skip
HTTP_IDLE, MLLP_IDLE = 75.0, 86_400.0  # seconds; HIS systems keep their HL7 connections for days
LISTENER = Spec(
    "listener", "监听", "a listener",
    (
        Field("http", HostPort(), "监听地址", "its address", "127.0.0.1:8600"),
        Field("mllp", HostPort(), "HL7（MLLP）监听地址", "its address for HL7 over MLLP", "127.0.0.1:8610"),
        Field("drop", Nested(DROP, Files.of), "取走文件的目录", "a directory whose files are taken",
              "{directory: /data/lis/out, files: '*.hl7'}"),
        Field("sftp", Nested(SFTP, Sftp.of), "取走文件的 SFTP 目录", "a directory on an SFTP server",
              "{host: 10.1.2.3:22, user: engine, host_keys: [SHA256:…], key: file:…, directory: /out}"),
        Field("poll", Nested(POLL, Poll.of), "轮询的数据库视图", "a database's view that is polled",
              "{database: oracle://…, view: V_ORDER, mark: UPD_TIME, key: ID, columns: [ID]}"),
        Field("shares", WORD, "与哪个监听共用地址", "the listener whose address it shares", "api", default=""),
        Field("path", URL_PATH, "接收回调的路径", "the path of its callbacks", "/callback/wechat", default=""),
        Field("body_bytes", Count(1024, 67_108_864), "请求正文上限（字节）", "largest request, bytes", "1048576",
              default=1_048_576),
        Field("connections", Count(1, 100_000), "连接数上限", "most connections", "1000", default=1000),
        Field("idle", Duration(), "空闲连接保持多久（HTTP 默认 75s，MLLP 默认 1d）",
              "how long an idle connection stays (HTTP 75s, MLLP 1d)", "75s"),
        Field("charset", Choice(("UTF-8", "GB18030", "GBK")), "HL7 报文没有写 MSH-18 时的字符集",
              "the character set of HL7 senders that declare none", "GB18030"),
        Field("tls", Nested(TLS, Tls.of), "TLS（写 ca 即双向认证）", "TLS (mutual with `ca`)",
              "{certificate: file:var/keys/hl7.crt, key: file:var/keys/hl7.key}"),
        Field("peers", ListOf(Network(), 1), "允许连接的 IP 或网段（不写：全部）",
              "addresses and networks that may connect (none: all)", "[10.1.2.0/24]", default=()),
        Field("senders", MapOf(Nested(SENDER, Sender.of), HL7_SENDER, 1),
              "HL7 发送方（MSH-3 或 MSH-3^MSH-4）是哪个调用方",
              "which client an HL7 sender (MSH-3 or MSH-3^MSH-4) is", "{NHIS: {client: H01}}", default={}),
    ),
)  # fmt: skip
