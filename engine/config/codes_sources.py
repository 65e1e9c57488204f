"""E54x: listeners that go and fetch: directories, SFTP servers, views."""

from __future__ import annotations

from engine.config.problems import Code, declare

declare(
    Code(
        "E541",
        "“{name}”只用于 whole: {needs}",
        '"{name}" belongs to whole: {needs}',
        "写完的判定只有一种：改名（rename）、一段时间不变（stable 与 still）、标记文件（marker 与 marker）。",
        "A file shows in one way that it is whole: renamed, unchanged (`stable` with `still`), or a marker beside it "
        "(`marker` with `marker`).",
        "drop: {directory: /data/lis, still: 10s}",
        "drop: {directory: /data/lis, whole: stable, still: 10s}",
    ),
    Code(
        "E542",
        "不支持的数据库“{name}”；可以是 {known}",
        'no database we know: "{name}"; there are {known}',
        "地址写成 数据库://用户@主机:端口/库名。",
        "An address is written DATABASE://user@host:port/name.",
        "database: orcale://engine@10.1.2.3:1521/?service_name=his",
        "database: oracle://engine@10.1.2.3:1521/?service_name=his",
    ),
    Code(
        "E543",
        "yuan 中的“{name}”不在 columns 中",
        '"{name}" of yuan is not one of columns',
        "金额列也要写在 columns 中，大小写一致。",
        "A column of amounts stands in `columns` too, spelled alike.",
        "columns: [PAT_ID, AMT], yuan: [AMOUNT]",
        "columns: [PAT_ID, AMT], yuan: [AMT]",
    ),
    Code(
        "E544",
        "监听“{name}”与“{other}”取同一个目录",
        'the listeners "{name}" and "{other}" empty the same directory',
        "一个目录只能由一个监听取走文件，否则一个文件归谁全凭先后。",
        "One directory belongs to one listener; else who gets a file is chance.",
        "a: {drop: {directory: /data/lis}}, b: {drop: {directory: /data/lis}}",
        "a: {drop: {directory: /data/lis}}, b: {drop: {directory: /data/ris}}",
    ),
)
