from tests.lab.fixtures import lab, play, twin_line  # noqa: F401
