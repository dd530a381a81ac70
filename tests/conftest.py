"""The same examples on every machine: a change that is submitted must not fail by another's luck. Seeds are for hunting:
`pytest --hypothesis-profile=hunt`."""

from hypothesis import settings

settings.register_profile("steady", derandomize=True)
settings.register_profile("hunt", derandomize=False)
settings.load_profile("steady")
