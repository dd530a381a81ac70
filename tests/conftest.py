"""The same examples on every machine: a submission must not fail by another's luck. To hunt for new ones:
`pytest --hypothesis-profile=hunt`."""

from hypothesis import settings

settings.register_profile("steady", derandomize=True)
settings.register_profile("hunt", derandomize=False)
settings.load_profile("steady")
