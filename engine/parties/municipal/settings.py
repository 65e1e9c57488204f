"""What a site must say about its municipal platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationInfo, model_validator


class Settings(BaseModel):
    """The connection to the platform.

    `wsdl` names the vendored description `schemas/wsdl/NAME.wsdl`; `method` is its one operation, `code_field`,
    `input_field` and `output_field` the elements of its messages. `path` replaces the path of the address that the
    description names. `charset` is what the inner document declares; `cdata`: it goes out as a CDATA section instead
    of escaped text; `strict`: a reply must keep to the types of the description. `codes` replaces single transaction
    codes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    hospital: str = Field(pattern=r"^[A-Z][0-9A-Z]{11}$")
    operator: str = Field(min_length=1, max_length=20)
    operator_name: str = Field(min_length=1, max_length=50)
    wsdl: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    method: str = "callService"
    code_field: str = "transCode"
    input_field: str = "inputXml"
    output_field: str = "outputXml"
    version: Literal["1.1", "1.2"] = "1.1"
    path: str = Field(default="", pattern=r"^(/[A-Za-z0-9._-]+)*$")
    charset: Literal["GB18030", "GBK", "UTF-8"] = "GB18030"
    cdata: bool = True
    strict: bool = True
    codes: dict[str, str] = Field(default_factory=dict)

    _files: Mapping[str, bytes] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _with_files(self, info: ValidationInfo) -> Settings:
        """The site's files come as the validation's context: a connection's settings name one of them."""
        context: Any = info.context or {}
        self._files = context.get("files", {})
        return self

    def descriptions(self) -> dict[str, bytes]:
        """The files beside the description, by their path below schemas/wsdl."""
        folder = "schemas/wsdl/"
        return {name.removeprefix(folder): data for name, data in self._files.items() if name.startswith(folder)}
