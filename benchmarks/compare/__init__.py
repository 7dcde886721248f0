"""What people would use instead, measured beside us in the same minutes."""
