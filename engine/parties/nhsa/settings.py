"""What a site must say about its insurance platform."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """The connection to the insurance platform.

    `profile` and its keys authenticate at the gateway; `path_template` says how the address grows: `path` (base
    + service path of the transaction), `infno` (base + code), `base` (base only).
    `paths` replaces single service paths; `prefix` is put before every path. `file_*` and `upload_as` say how files
    are written (9101) and read (9102); `file_max` bounds what one is unpacked to (bytes).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    fixmedins_code: str = Field(pattern=r"^[A-Z][0-9A-Z]{11}$")
    fixmedins_name: str = Field(min_length=1, max_length=200)
    mdtrtarea_admvs: str = Field(pattern=r"^[0-9]{6}$")
    recer_sys_code: str = Field(default="FSI_LOCAL", max_length=10)
    infver: str = Field(default="V1.0", max_length=6)
    signtype: str = Field(default="", max_length=10)
    opter_type: Literal["1", "2", "3"] = "2"
    opter: str = Field(min_length=1, max_length=30)
    opter_name: str = Field(min_length=1, max_length=50)
    dev_no: str = Field(default="", max_length=100)
    mac: str = Field(default="00:00:00:00:00:00", min_length=1, max_length=20)
    ip: str = Field(default="127.0.0.1", min_length=1, max_length=20)

    profile: Literal["none", "tif", "x-ca", "csb", "apikey"] = "none"
    access_key: str = ""
    secret: str = Field(default="", repr=False)
    tif_prefix: Literal["x-tif", "x-rio"] = "x-tif"
    csb_api_name: str = "hssServives"
    csb_api_version: str = "1.0.0"
    csb_stamp: Literal["s", "ms"] = "ms"

    path_template: Literal["path", "infno", "base"] = "path"
    prefix: str = Field(default="", pattern=r"^(/[A-Za-z0-9._-]+)*$")
    paths: dict[str, str] = Field(default_factory=dict)

    upload_as: Literal["base64", "bytes"] = "base64"
    file_charset: Literal["UTF-8", "GB18030"] = "UTF-8"
    file_separator: Literal["tab", "comma", "caret", "bar"] = "tab"
    file_header: bool = False
    file_max: int = Field(default=268435456, ge=1024)
