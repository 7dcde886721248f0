"""How good a run's captions are, which search options serve it best, and how sure it may be.

Reads runs and writes its findings beside their weights; changes none of them.
"""
