"""What users are told who haven't installed the packages for serving."""

from collections.abc import Callable

import pytest

from nst_keras.cli import query, serve
from nst_keras.serving import extra


@pytest.mark.parametrize(
    "main,flags",
    [(serve.main, ()), (query.main, ("--model=a", "--show=status"))],
)
def test_missing_packages_are_named_with_the_remedy(
    main: Callable[[], None], flags: tuple[str, ...], run_main: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extra, "_PACKAGES", ("grpc", "no_such_package"))
    done = run_main(main, *flags)
    assert done.returncode == 1
    assert "pip install nst_keras[serving] (there is no no_such_package)" in done.stderr


def test_nothing_is_missing_here() -> None:
    assert extra.missing_packages() == ""
