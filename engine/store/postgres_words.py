"""Why a PostgreSQL cannot be used, in words for the operator: the server's own, and what to do about them."""

from __future__ import annotations

import re
from typing import Final

CANNOT: Final = "PostgreSQL cannot be used"
POOLED: Final = (
    f"{CANNOT}: 隔着连接池（PgBouncer 等），请写服务器自己的地址 · "
    "a pooler stands between, to which the lock would belong: give the server's own address"
)
TAKEN: Final = (
    "本数据库已有一个引擎在运行；它若已停机或失联，服务器最迟半分钟放开它的锁 · "
    "another engine is running on this database; if it is gone, or stands still, the server frees its lock within half "
    "a minute"
)
READS_ONLY: Final = (
    "只读（备库，或 default_transaction_read_only），请写主库地址，或两个地址加 target_session_attrs=read-write · "
    "this PostgreSQL only reads (a standby, or default_transaction_read_only): give the primary's address, or "
    "both with target_session_attrs=read-write"
)  # fmt: skip
NO_TABLES: Final = (
    "引擎的角色不能在这里建表 · the engine's role may not make its tables here: "
    "GRANT CREATE ON SCHEMA public TO that role"
)
NO_FSYNC: Final = (
    "fsync = off 会丢掉已经应答的结算 · "
    "this PostgreSQL runs with fsync = off and would lose acknowledged settlements"
)
ADDRESS: Final = (
    "存储的地址无法读懂 · the store's address cannot be read: postgresql://user@host/name, other signs as %XX"
)
ENDED: Final = {
    "57P05": ("引擎或服务器停住了半分钟，服务器结束了连接；可能已由另一节点接手",
              "the engine or the server stood still for half a minute: another node may have taken over"),
    "57P01": ("服务器停机，或有人结束了连接", "the server ends, or somebody ended the connection"),
    "57P02": ("服务器崩溃重启", "the server crashed and begins anew"),
    "": ("与服务器的连接断了", "the connection to the server is gone"),
}  # fmt: skip
"""Why a connection that wrote is gone, by the server's code; "": it left without a word."""
_HINTS: Final = (
    (r"password authentication failed|no password supplied", "用户或口令不对", "the user or the password is wrong"),
    (r"no pg_hba\.conf entry|pg_hba\.conf rejects", "服务器的 pg_hba.conf 不许这台机器、用户或加密方式",
     "the server's pg_hba.conf does not let in this machine, user or encryption"),
    (r'database ".*" does not exist', "请先建库（docs/postgresql.md）", "make the database first (docs/postgresql.md)"),
    (r'role ".*" does not exist', "请先建用户（docs/postgresql.md）", "make the user first (docs/postgresql.md)"),
    (r"starting up|shutting down|recovery mode", "服务器正在启动或停止，稍后再试",
     "it starts or ends: try again in a moment"),
    (r"too many (clients|connections)|connection slots|connection limit",
     "没有空余连接：提高 max_connections 或角色的限额",
     "no connection is left: raise max_connections, or the role's limit"),
    (r"session is (not )?read-only|hot standby", "能连上的都只读：还没有主库",
     "all that can be reached only read: there is no primary yet"),
    (r"certificate|SSL|TLS", "TLS 不符：证书、主机名或 sslmode", "certificate, host name or sslmode do not fit"),
    (r"Connection refused|No such file|timed? ?out|timeout|resolve|translate|unreachable|No route",
     "服务器没有启动，或连不上", "the server is not there, or cannot be reached"),
)  # fmt: skip


def told(words: str) -> str:
    """What libpq said, one line for each server that was asked, and what to do."""
    lines = words.strip().splitlines() or ["?"]
    hosts = re.findall(r"(?m)^- host: '([^']*)', port: '?(\w*)'?.*?: ([^\n]*)$", words)
    said = "; ".join(f"{host}:{port} {_reason(why)}" for host, port, why in hosts) if len(hosts) > 1 else lines[0]
    hint = next((f"{zh} · {en}" for pattern, zh, en in _HINTS if re.search(pattern, said)), "")
    return f"{CANNOT}: {said}" + (f" — {hint}" if hint else "")


def ended(state: str, words: str) -> str:
    """Why the connection that writes is gone, in one line."""
    found = ENDED.get("57P05" if state == "25P03" else state)
    line = (words.strip().splitlines() or ["?"])[0][:200]
    return f"{line} — {found[0]} · {found[1]}" if found else line


def _reason(why: str) -> str:
    return why.rpartition(" failed: ")[2] or why
