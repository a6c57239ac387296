"""Steps that several endpoints share."""
