"""`engine test`: the conversations beside the channels."""

from __future__ import annotations

from pathlib import Path

from engine.cli.say import FOUND, GOOD, document, line


def conversations(root: Path, only: str, as_json: bool) -> int:
    """Run `channels/*.test.yaml` with `engine.conversation.run(root)`: rows of {name, passed, text}."""
    from engine.conversation import run

    rows = [row for row in run(root) if only in row["name"]]
    failed = sum(not row["passed"] for row in rows)
    if as_json:
        document({"passed": len(rows) - failed, "failed": failed, "rows": rows})
        return FOUND if failed else GOOD
    for row in rows:
        line(f"{'ok  ' if row['passed'] else 'FAIL'}  {row['name']}" + (f"\n{row['text']}" if row["text"] else ""))
    line(f"{len(rows) - failed} passed, {failed} failed")
    return FOUND if failed else GOOD
