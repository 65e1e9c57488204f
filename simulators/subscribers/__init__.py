"""Those who want to hear what happens: medical record, data platform, laboratory, imaging."""

from simulators.subscribers.party import SubscribersSim

__all__ = ["SubscribersSim"]
