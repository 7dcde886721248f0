"""From a data set to a run's weights: cross-entropy, then the CIDEr reward, then averaging.

A run is a folder (`run_folder`); the scores that choose an epoch are passed in.
"""
