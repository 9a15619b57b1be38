"""The decision rule: counts of a canary and of the stable member that serves beside it in, verdicts out.

Pure: no clock, no chance, no I/O. Whoever drives a rollout keeps the state, passes in what was read, and acts
on the verdict; the simulator and the controller drive the same functions.
"""
