"""The parts of engine.yaml: each spec beside the frozen thing it is read as."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from engine.config.party_gates import BREAKER, BREAKER_USUAL, Breaker, Hours
from engine.config.party_tls import PARTY_TLS, PartyTls
from engine.config.problems import Mark, problem
from engine.config.secret import Secret, SecretRef, secret_ref
from engine.config.spec import NOWHERE, Field, Found, ListOf, MapOf, Nested, Record, Spec, Word, text_of
from engine.config.tree import Map, Node, Scalar, Seq
from engine.config.types import IDENT, WORD, Choice, Count, Duration, Name

PROFILES = ("demo", "test", "production")
SCOPES = ("query", "settle", "refund", "operate", "admin", "deliver")
ROLES = ("look", "operate", "finance", "admin")

URL = Name("地址", "an address",
           r"here:|https?://[^\s?#@]+|(?:mllp|tcp)s?://[^\s/?#@]+:[0-9]{1,5}|file:///[^\s?#]*|sftp://[^\s/?#@]+/[^\s?#]*|"
           r"(?:oracle|mssql|postgresql|mysql|sqlite)(?:\+[a-z0-9]+)?:(?!//[^/@]*:[^/@]*@)[^\s#]+",
           "以 http(s)://、mllp(s)://、tcp(s)://、file:///、sftp://、here:（终端自己收款）或数据库名开头，不含口令",
           "it begins with http(s)://, mllp(s)://, tcp(s)://, file:///, sftp://, here: (what a terminal "
           "collects) or a database's name, "
           "and holds no password")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Clock:
    """The development clock: business time runs `rate` times as fast from `anchor` (unix seconds; None: start)."""

    rate: int = 1
    anchor: int | None = None
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)

    @staticmethod
    def of(record: Record, found: Found) -> Clock:
        return Clock(record["rate"], record["anchor"], record.mark)


CLOCK = Spec(
    "clock", "开发时钟", "the development clock",
    (
        Field("rate", Count(1, 3600), "比真实时间快几倍", "times faster than the wall", "60", default=1),
        Field("anchor", Count(0, 10**11), "两个时钟一致的时刻（Unix 秒）",
              "the instant both clocks agree (unix seconds)", "1795312800"),
    ),
)  # fmt: skip
ENGINE = Spec(
    "engine", "本节点", "this node",
    (
        Field("name", IDENT, "节点名称", "the node's name", "demo", required=True),
        Field("profile", Choice(PROFILES), "用途", "what it is for", "demo", required=True),
        Field("clock", Nested(CLOCK, Clock.of), "开发时钟", "the development clock", "{rate: 60}", default=Clock()),
        Field("awake", Choice(("yes", "no")), "忙时不让处理器休眠（须可写 /dev/cpu_dma_latency）",
              "processors do not sleep while there is work (/dev/cpu_dma_latency must be writable)", "yes",
              default="no"),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoreType:
    """`sqlite:PATH`, `postgresql://…` without a password, or a reference to either."""

    zh: str = "存储地址"
    en: str = "a store's address"

    def read(self, node: Node, what: str, found: Found) -> Word | SecretRef | None:
        scalar = text_of(node, what, found)
        if scalar is None:
            return None
        ref = secret_ref(scalar.text)
        if ref is not None:
            return ref
        if re.fullmatch(r"postgresql://[^\s]*:[^\s]*@[^\s]*", scalar.text) or "password=" in scalar.text:
            found.append(problem("E208", scalar.mark, what=what))
            return None
        if re.fullmatch(r"sqlite:\S.*|postgresql://\S+", scalar.text) is None:
            detail = "sqlite:PATH | postgresql://… | file:PATH | env:NAME"
            found.append(problem("E211", scalar.mark, what=what, detail=detail))
            return None
        return Word(scalar.text, scalar.mark)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^(sqlite:|postgresql://|file:|env:)"}


STORE = StoreType()


@dataclass(frozen=True, slots=True)
class Keys:
    """Where the key that encrypts bodies (`store`) and the one that indexes person keys (`index`) are."""

    store: SecretRef
    index: SecretRef

    @staticmethod
    def of(record: Record, found: Found) -> Keys:
        return Keys(record["store"], record["index"])


KEYS = Spec(
    "keys", "密钥", "the store's keys",
    (
        Field("store", Secret(), "正文加密密钥", "encrypts bodies", "file:var/keys/store.key", required=True),
        Field("index", Secret(), "个人信息索引密钥", "indexes person keys", "file:var/keys/index.key", required=True),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Client:
    """A system that may call: its secret's place, what it may do, and for which campuses (none: all)."""

    secret: SecretRef
    scopes: tuple[str, ...]
    campuses: tuple[str, ...]
    soap_token: bool
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)

    @staticmethod
    def of(record: Record, found: Found) -> Client:
        allowed = record["soap_token"] == "yes"  # noqa: S105 - a yes or no, no password
        return Client(record["secret"], record["scopes"], record["campuses"], allowed, record.mark)


CLIENT = Spec(
    "client", "调用方", "a client",
    (
        Field("secret", Secret(), "签名密钥", "its signing secret", "file:var/keys/client-K01.secret", required=True),
        Field("scopes", ListOf(Choice(SCOPES), 1), "可以做什么", "what it may do", "[query, settle]", required=True),
        Field("campuses", ListOf(IDENT), "限定院区（不写：全部）", "its campuses (none: all)", "[main]", default=()),
        Field("soap_token", Choice(("yes", "no")), "SOAP 可用 UsernameToken（摘要）代替签名头",
              "by SOAP it may prove itself with a UsernameToken (digest) instead of the signature headers", "yes",
              default="no"),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SettingType:
    """A setting of a party: text, list or mapping of them, in which `file:…` and `env:…` are references."""

    zh: str = "外部系统自己的设置"
    en: str = "a setting of the party"

    def read(self, node: Node, what: str, found: Found) -> Any:
        match node:
            case Scalar():
                return secret_ref(node.text) or Word(node.text, node.mark)
            case Seq():
                return [self.read(item, what, found) for item in node.items]
            case Map():
                return {
                    secret_ref(key.text) or Word(key.text, key.mark): self.read(value, key.text, found)
                    for key, value in node.entries
                }

    def schema(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True, slots=True)
class PartyEntry:
    """A connection to an outside party. Times in seconds. `window`: most calls in flight; `queue`: most waiting;
    `wait_max`: no call waits longer, whatever its channel says; `late_max`: as agreed with the party, a request
    sent that long ago can no longer take effect. `rate` (messages a second), `hours` (seconds after midnight, Beijing)
    and `breaker` hold for what deliver channels send. `settings` are the party's own, secrets still as references."""

    kind: str
    url: str
    window: int
    queue: int
    wait_max: float
    late_max: float | None
    settings: Mapping[str, Any]
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)
    marks: Mapping[str, Mark] = field(default_factory=dict, compare=False, repr=False)
    rate: int | None = None
    hours: tuple[int, int] | None = None
    breaker: Breaker = BREAKER_USUAL
    tls: PartyTls | None = None

    @staticmethod
    def of(record: Record, found: Found) -> PartyEntry:
        own = {item.name for item in PARTY.fields}
        settings = {name: value for name, value in record.values.items() if name not in own}
        return PartyEntry(
            record["kind"], record["url"], record["window"], record["queue"], record["wait_max"],
            record["late_max"], settings, record.mark, record.marks, record["rate"], record["hours"], record["breaker"],
            record["tls"],
        )  # fmt: skip


PARTY = Spec(
    "party", "外部系统", "a party",
    (
        Field("kind", WORD, "哪一种系统", "what kind of party", "nhsa", required=True),
        Field("url", URL, "地址", "its address", "http://127.0.0.1:8711", required=True),
        Field("window", Count(1, 10_000), "同时进行的调用上限", "most calls in flight", "20", default=20),
        Field("queue", Count(1, 1_000_000), "排队等候的调用上限", "most calls waiting", "1000", default=1000),
        Field("wait_max", Duration(), "一次调用最多等多久", "no call waits longer", "60s", default=60.0),
        Field("late_max", Duration(), "约定：请求发出多久后不可能再生效",
              "agreed: a request this old can no longer take effect", "5m"),
        Field("rate", Count(1, 100_000), "deliver 通道每秒最多发几条", "messages a second of deliver channels", "50"),
        Field("hours", Hours(), "deliver 通道在哪个时段发送（北京时间）",
              "hours in which deliver channels send, Beijing",
              "07:00-22:00"),
        Field("breaker", Nested(BREAKER, Breaker.of), "deliver 通道的熔断", "the breaker of deliver channels",
              "{after: 5, pause: 5s}", default=BREAKER_USUAL),
        Field("tls", Nested(PARTY_TLS, PartyTls.of), "对外 TLS（https://、mllps://、tcps://）：信任谁，出示什么证书",
              "TLS (https://, mllps://, tcps://): whom we trust, what we show",
              "{ca: file:var/keys/his-ca.crt, certificate: file:var/keys/engine.crt, key: file:var/keys/engine.key}"),
    ),
    more=SettingType(),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """A limit on everything the node holds; reaching one is a named answer, never a crash. `bill_max` (fen; None: no
    limit): a bill above it is not believed, for a HIS may write one unit for another."""

    body_bytes: int = 2_097_152
    open_settlements: int = 20_000
    queued_events: int = 1000
    attempts: int = 5
    bill_max: int | None = None
    processes: int = 2
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)

    @staticmethod
    def of(record: Record, found: Found) -> Limits:
        names = [item.name for item in fields(Limits) if item.name != "mark"]
        return Limits(mark=record.mark, **{name: record[name] for name in names})


LIMITS = Spec(
    "limits", "上限", "limits",
    (
        Field("body_bytes", Count(1024, 67_108_864), "对方应答正文上限（字节）", "largest reply, bytes", "2097152",
              default=2_097_152),
        Field("open_settlements", Count(1, 1_000_000), "同时进行的结算上限", "most open settlements", "20000",
              default=20_000),
        Field("queued_events", Count(1, 100_000), "一笔结算排队事件上限", "most events queued for one settlement",
              "1000", default=1000),
        Field("attempts", Count(1, 20), "一笔结算的支付次数上限", "most payment attempts", "5", default=5),
        Field("processes", Count(1, 16), "spread 的通道用几个进程", "processes of spread channels", "2", default=2),
        Field("bill_max", Count(100, 10**11), "一张账单的合理上限（分），超过不受理", "the largest plausible bill, fen",
              "10000000"),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class User:
    """A person of the console: where the password's hash is, and what they may do."""

    password: SecretRef
    roles: tuple[str, ...]

    @staticmethod
    def of(record: Record, found: Found) -> User:
        return User(record["password"], record["roles"])


_ROLES_ZH = (
    "角色，决定控制台打开哪些页。人人可看总览、结算单、待办、状态说明；look、operate、admin 另看"
    "往来与双方报文、通道、接口地址、配置历史、缺对照、解释；operate、admin 还看配置目录和每次启用改了什么，"
    "并可在“转发消息”里重发、放弃、暂停、停用；"
    "finance、admin 另可对账"
)
_ROLES_EN = (
    "roles: which pages of the console are open. Everybody: overview, settlements, tasks, states; "
    "look, operate and admin also: calls with both sides' bytes, channels, doors, history, unmapped codes, "
    "explanations; operate and admin also the configuration folder and what each turn changed, and the "
    "buttons of Messages: send again, give up, pause, stop; finance and admin: the books"
)
USER = Spec(
    "user", "控制台用户", "a user",
    (
        Field("password", Secret(), "密码摘要的引用", "where the password's hash is", "file:var/keys/user-admin.hash",
              required=True),
        Field("roles", ListOf(Choice(ROLES), 1), _ROLES_ZH, _ROLES_EN, "[look, operate]", required=True),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Console:
    """The web console: the listener it rides on, its people."""

    at: str
    users: Mapping[str, User]
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)

    @staticmethod
    def of(record: Record, found: Found) -> Console:
        return Console(record["at"], record["users"], record.at("at"))


CONSOLE = Spec(
    "console", "控制台", "the console",
    (
        Field("at", WORD, "搭在哪个监听上", "the listener it rides on", "api", required=True),
        Field("users", MapOf(Nested(USER, User.of), IDENT), "用户", "its people",
              "{admin: {password: file:var/keys/user-admin.hash, roles: [admin]}}", default={}),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept, seconds. Settlements, their numbers and their history are kept for ever: by them a
    repeat is known."""

    bodies: float = 180 * 86_400.0
    messages: float = 180 * 86_400.0

    @staticmethod
    def of(record: Record, found: Found) -> Retention:
        return Retention(record["bodies"], record["messages"])


RETENTION = Spec(
    "retention", "保存期限", "retention",
    (
        Field("bodies", Duration(), "报文正文", "the bytes of requests and replies", "180d",
              default=Retention().bodies),
        Field("messages", Duration(), "往来记录（何时、何事、结果）", "calls: when, what, how they ended", "180d",
              default=Retention().messages),
    ),
)  # fmt: skip
