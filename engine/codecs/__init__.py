"""Bytes to trees and back, strictly. No sockets, no clock. What is crooked is an `Undecodable`."""
