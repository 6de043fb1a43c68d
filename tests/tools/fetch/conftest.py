import pytest
from fetch_helpers import Server


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()
