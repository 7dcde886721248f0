"""The HTTP application around the engine."""
