"""More than one machine, on Ray."""
