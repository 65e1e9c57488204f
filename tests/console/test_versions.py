"""What a settlement's page reads of the version it began with: the plan, and none of its codes."""

from __future__ import annotations

from dataclasses import replace

from engine.console.versions import Versions, without_codes
from engine.site.site import Site
from engine.store.contract import Unit
from engine.store.site_versions import keep_site

from .conftest import Night
from .stage import START, result


def _older(night: Night) -> tuple[Site, Site]:
    """(the site that was in force, what is read of it once another is)."""
    site = night.stage.site
    files = {path: data.decode() for path, data in site.files.items()}
    night.stage.keep(Unit("site", (keep_site(site.content_hash, files, START),)))
    newer = replace(site, content_hash="f" * 64, channels={})
    found: Site | None = result(
        night.stage.store.read(lambda conn: Versions(lambda: newer).find(conn, site.content_hash))
    )
    assert found is not None
    return site, found


def test_every_channel_and_its_plan_are_as_they_were(night: Night) -> None:
    was, found = _older(night)
    assert set(found.channels) == set(was.channels)
    assert any(channel.plan is not None for channel in was.channels.values())
    for name, channel in was.channels.items():
        assert found.channels[name].plan == channel.plan
        assert found.channels[name].title == channel.title


def test_its_codes_are_not_read(night: Night) -> None:
    was, found = _older(night)
    assert any(table.size for table in was.tables.values())
    assert set(found.tables) == set(was.tables)
    assert not any(table.size for table in found.tables.values())


def test_only_tables_are_shortened() -> None:
    files = {"mappings/tables/x.csv": "\ufefffrom_code,to_code\r\nA,B\r\n", "mappings/m.map.yaml": "map: m\nmake: []\n"}
    assert without_codes(files) == {
        "mappings/tables/x.csv": "\ufefffrom_code,to_code\r\n".encode(),
        "mappings/m.map.yaml": b"map: m\nmake: []\n",
    }
