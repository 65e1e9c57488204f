"""Yinhai (久远银海): a function with XML in and out, confirmed or cancelled by a pair of numbers."""
