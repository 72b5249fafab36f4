"""What all rings share."""

import os

from hypothesis import settings

# No deadlines: machines are noisy, and time is measured in bench/. The same examples each time,
# so that a red run can be repeated; `HYPOTHESIS_PROFILE=search make test` looks for new ones.
settings.register_profile("ring", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("search", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ring"))
