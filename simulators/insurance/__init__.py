"""The national medical insurance platform (医保两定接口) with its own rule engine, books and misfortunes.

`party` is the server; `registry` lists the transactions, one small file per family; `rules` and
`policy` compute; `state` remembers.
"""

from simulators.insurance.party import InsuranceSim

__all__ = ["InsuranceSim"]
