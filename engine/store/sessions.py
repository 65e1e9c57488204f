"""Daily sign-ins at parties, sealed."""

from __future__ import annotations

from collections.abc import Mapping

from engine.store.contract import Connection, Sealed, Write


def keep_session(party: str, values: Mapping[str, str], valid_until: float) -> tuple[Write, ...]:
    """Replace a party's sign-in by these values, valid until then (unix seconds)."""
    return (
        forget_session(party),
        *(
            Write(
                "session_keep",
                {"party": party, "name": name, "value": Sealed(value.encode()), "valid_until": valid_until},
                rows=1,
            )
            for name, value in values.items()
        ),
    )


def forget_session(party: str) -> Write:
    """The party no longer knows our sign-in."""
    return Write("session_forget", {"party": party})


def sessions(conn: Connection) -> dict[str, tuple[dict[str, str], float]]:
    """Every party's sign-in: party → (values, valid until)."""
    found: dict[str, tuple[dict[str, str], float]] = {}
    for party, name, value, until in conn.rows("sessions_all"):
        values, _ = found.setdefault(party, ({}, until))
        values[name] = conn.unseal("sessions.value", f"{party}/{name}", value).decode()
    return found
