"""The judge for the municipal platform: PyPI `zeep`, which fetches the description and speaks by it."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import zeep
from loop import serve

STATE = {}


def open_(wsdl, version):
    """`version`: 1.1 or 1.2. The names of the operations found."""
    client = zeep.Client(wsdl, transport=zeep.Transport(timeout=20, operation_timeout=20))
    port = {"1.1": "InsuranceSoap11", "1.2": "InsuranceSoap12"}[version]
    STATE["service"] = client.bind("InsuranceService", port)
    return sorted(STATE["service"]._binding._operations)


def call(code, document):
    """The answer's text."""
    return STATE["service"].callService(transCode=code, inputXml=document)


serve({"open": open_, "call": call})
