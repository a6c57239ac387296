"""Processor time of a call and a chunk, compared with httpx and the framework alone, and with peers: `make bench`."""
