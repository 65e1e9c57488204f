"""`engine explain WHAT`: an error's code, a problem's code, a call's outcome table, a component's fields, a setting."""

from __future__ import annotations

from pathlib import Path

from engine.cli.say import GOOD, WrongUse, line


def explain(root: Path, what: str, lang: str = "zh") -> int:
    """Print the text. WrongUse with the nearest word when there is nothing under that name."""
    from engine.site.explained import explained, nearest_explained
    from engine.site.load import load
    from engine.site.site import Site

    if lang not in ("zh", "en"):
        raise WrongUse("--lang: zh, en")
    made = load(root) if (root / "engine.yaml").is_file() else None
    site = made if isinstance(made, Site) else None
    text = explained(what, site, lang)
    if text is None:
        near = nearest_explained(what, site)
        hint = f"；是否应为 · did you mean {near}?" if near else ""
        raise WrongUse(f"没有可解释的 · nothing to explain under “{what}”{hint}")
    line(text)
    return GOOD
