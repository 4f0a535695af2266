"""nbval's rules for the notebooks: warnings on standard error are not part of a page, so they are not compared."""


def pytest_collectstart(collector):
    """Leave standard error and pictures out of the comparison."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("stderr", "image/png", "image/jpeg")
