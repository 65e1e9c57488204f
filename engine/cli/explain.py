"""`engine explain WHAT`: an error's code, a problem's code, a call's outcome table, a component's fields, a setting."""

from __future__ import annotations

from pathlib import Path

from engine.cli.say import GOOD, WrongUse, line


def explain(root: Path, what: str, lang: str = "zh") -> int:
    """Print the text. WrongUse with the nearest word when there is nothing under that name."""
    from engine.config import codes
    from engine.config.problems import nearest
    from engine.core.errors import ERRORS
    from engine.pipeline.rejected import TEXTS
    from engine.site.explain import explain as text_of
    from engine.site.explain import meant
    from engine.site.load import load
    from engine.site.site import Site

    assert codes.__all__, "importing them declares every code"
    if lang not in ("zh", "en"):
        raise WrongUse("--lang: zh, en")
    made = load(root) if (root / "engine.yaml").is_file() else None
    site = made if isinstance(made, Site) else None
    text = _error(what, lang) or text_of(what, site, lang)
    if text is None and site is not None:
        text = _site_code(site, what, lang)
    if text is None:
        near = meant(what, site) or nearest(what, [*ERRORS, *TEXTS])
        hint = f"；是否应为 · did you mean {near}?" if near else ""
        raise WrongUse(f"没有可解释的 · nothing to explain under “{what}”{hint}")
    line(text)
    return GOOD


def _error(code: str, lang: str) -> str | None:
    """A row of the table of errors a caller can meet."""
    from engine.core.errors import ERRORS

    row = ERRORS.get(code)
    if row is None:
        return None
    said, then = (row.zh, row.next) if lang == "zh" else (row.en, row.next_en)
    return _told(code, row.side, said.replace("{detail}", "…"), then, lang)


def _site_code(site: object, code: str, lang: str) -> str | None:
    """A code that one of the site's own maps says (its `texts`)."""
    from engine.site.site import Site

    assert isinstance(site, Site)
    for made in site.maps.values():
        text = made.texts.get(code)
        if text is not None:
            then = text.next if lang == "zh" else text.next_en or text.next
            return _told(code, text.side, text.zh if lang == "zh" else text.en, then, lang)
    return None


def _told(code: str, side: str, said: str, then: str, lang: str) -> str:
    whose, next_ = ("责任方", "下一步") if lang == "zh" else ("side", "next")
    lines = [f"{code}  {said}", f"  {whose}: {side}"]
    return "\n".join([*lines, f"  {next_}: {then}"] if then else lines)
