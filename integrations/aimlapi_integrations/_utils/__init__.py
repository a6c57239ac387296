"""Helpers that know nothing of the gateway."""
