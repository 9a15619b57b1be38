"""Hypothesis profiles: the same examples on every CI run, new ones on every run elsewhere."""

import os
import signal

from hypothesis import settings
from hypothesis.internal.conjecture import providers

# The machine that runs the tests is shared: how long one example takes says nothing.
settings.register_profile("meshsplit", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "meshsplit")

if os.environ.get("CI"):
    # Hypothesis tries the constants of all our modules that are imported by then, which depends on the tests
    # that the same worker had before.
    providers._get_local_constants = lambda: providers._local_constants

# Who is started in the background ignores SIGINT, and so would every program that the tests start and stop.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
