"""The settlement as data: a plan of steps, legs, two literal tables, and one pure function that advances them.

Knows no clock, no store and no network: instants, numbers and evaluated maps come in from outside.
"""
