from hypothesis import settings

# The machine that runs the tests is shared: how long one example takes says nothing.
settings.register_profile("meshsplit", deadline=None)
settings.load_profile("meshsplit")
