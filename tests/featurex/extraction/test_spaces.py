from importlib.metadata import PackageNotFoundError

from featurex.extraction import spaces


def test_what_is_installed_is_noted_under_its_own_name(monkeypatch):
    """Where no wheel of dlib-bin fits, dlib is built from its source."""
    installed = {"dlib": "20.0", "torch": "2.13.0"}

    def version(package):
        if package not in installed:
            raise PackageNotFoundError(package)
        return installed[package]

    monkeypatch.setattr(spaces, "version", version)
    assert spaces.made_by() == installed
    assert spaces.versions("timm") == {"timm": "not installed"}
