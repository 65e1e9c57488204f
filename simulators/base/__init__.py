"""What every simulated party stands on: world (time, randomness), wire, ledger, faults, `/sim/*` doors.

A party subclasses `SimParty` and answers `serve`; the rest of the behaviour of a bad network and a
bad day (time-outs before and after the work was done, half replies, late execution) is here.
"""
