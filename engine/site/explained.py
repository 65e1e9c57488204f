"""Everything `engine explain` and the console can be asked about: an error's code, a problem's code, a call's outcome
table, a component's fields, a connection's setting, a code of the site's own."""

from __future__ import annotations

from engine.config import codes
from engine.config.problems import nearest
from engine.core.errors import ERRORS
from engine.pipeline.rejected import TEXTS
from engine.site.explain import explain, meant
from engine.site.site import Site

assert codes.__all__, "importing them declares every code"


def explained(what: str, site: Site | None, lang: str = "zh") -> str | None:
    """The text; None when there is nothing under that name."""
    text = _error(what, lang) or explain(what, site, lang)
    return _site_code(site, what, lang) if text is None and site is not None else text


def nearest_explained(what: str, site: Site | None) -> str:
    """The word that was probably meant, or ""."""
    return meant(what, site) or nearest(what, [*ERRORS, *TEXTS])


def _error(code: str, lang: str) -> str | None:
    """A row of the table of errors a caller can meet."""
    row = ERRORS.get(code)
    if row is None:
        return None
    said, then = (row.zh, row.next) if lang == "zh" else (row.en, row.next_en)
    return _told(code, row.side, said.replace("{detail}", "…"), then, lang)


def _site_code(site: Site, code: str, lang: str) -> str | None:
    """A code that one of the site's own maps says (its `texts`)."""
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
