"""Real MLServers for the InferenceServices of a local session whose model is scikit-learn's.

MLServer pins an older Starlette than the rest of meshsplit lives with, so it has an environment of its own
and is only ever run, never imported.
"""
