"""A run on the real gateway for whoever has a key: `python -m tests.live`. See CONTRIBUTING.md."""
