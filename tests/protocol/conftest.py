"""The records that most tests of the protocol go over."""

import boards
import pytest


@pytest.fixture(params=["committed", "made"])
def world(request: pytest.FixtureRequest) -> boards.World:
    return {"committed": boards.committed, "made": boards.made}[request.param]()
