"""From a model's probabilities to whole captions: beam search, sampling and the rules of both.

What runs inside the exported graph is here; nothing here changes a weight.
"""
