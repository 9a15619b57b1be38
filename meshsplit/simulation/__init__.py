"""Rollouts played against made-up or recorded traffic, by our rule and by those of others.

Pure apart from the chance that is passed in: a seed gives the same rollout anywhere.
"""
