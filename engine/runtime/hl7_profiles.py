"""Whether a message's Z segments are as the site's profile says."""

from __future__ import annotations

from engine.codecs.hl7_ack import HL7Error
from engine.codecs.hl7v2 import Message
from engine.config.hl7_profile import Profile
from engine.core.bilingual import both
from engine.site.hl7_spec import Hl7Ask


def profile_faults(profile: Profile, message: Message, ask: Hl7Ask | None, asks: str = "") -> list[HL7Error]:
    """Fields of the profile's Z segments that are missing or too long; the texts never quote a value. How long a field
    may be that becomes part of the order is for the order's own schema to say, in the words of every door.

    A message asks one thing, in one segment (`asks`): of two, or of two values where one is read, nobody could tell
    which is meant."""
    read = set() if ask is None else {(at.segment, at.field) for at in ask.places.values()}
    single = set() if ask is None else read - ask.fields.lists
    found: list[HL7Error] = []

    def wrong(code: str, name: str, occurrence: int, number: int, zh: str, en: str) -> None:
        found.append(HL7Error(code, name, occurrence, number, both(zh, en)))

    for name, rules in profile.segments.items():
        for occurrence, segment in enumerate(message.named(name), 1):
            if occurrence > 1 and name == asks:
                wrong("100", name, occurrence, 0, f"{name} 只能出现一次", f"{name} may appear once")
            for number, rule in rules.fields.items():
                at = name, occurrence, number
                values = [segment.get(number, 0, turn + 1) for turn in range(segment.count(number))]
                if rule.required and not any(values):
                    wrong("101", *at, f"{rule.zh} 必填", f"{rule.en} is required")
                if len(values) > 1 and (name, number) in single:
                    wrong("102", *at, f"{rule.zh} 只写一个", f"{rule.en}: one")
                if (name, number) not in read and any(len(value) > rule.longest for value in values):
                    wrong("102", *at, f"{rule.zh} 至多 {rule.longest} 个字", f"{rule.en} ≤ {rule.longest}")
    return found
