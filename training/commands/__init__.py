"""The steps of `python -m training`: each module registers its steps with their arguments.

Nothing here loads TensorFlow before a step needs it, so that mistakes are told at once.
"""
