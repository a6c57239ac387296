"""The command `aimlapi`."""
