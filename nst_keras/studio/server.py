"""The studio at an address of this machine."""

from pathlib import Path

import filelock

from nst_keras.errors import InputError
from nst_keras.storage.folders import make_folder
from nst_keras.studio.app import StudioApp
from nst_keras.studio.guard import new_token
from nst_keras.studio.settings import StudioSettings
from nst_keras.studio.studio import Studio
from nst_keras.web.server import HttpServer

_HOST = "127.0.0.1"
_HEADER_SECONDS = 10.0
_MAX_CONNECTIONS = 256
_DRAIN_SECONDS = 1.0


class StudioServer:
    """Serves the studio of a folder at `address`, until it is stopped.

    Raises:
        InputError: If the folder can't be used, or another studio uses it, or the port can't be had.
    """

    def __init__(self, settings: StudioSettings = StudioSettings()) -> None:
        folder = make_folder(Path(settings.folder), "folder")
        self._lock = filelock.FileLock(folder / ".lock")
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout as error:
            raise InputError(f"folder: another nst-studio works in {folder}") from error
        token = _kept_token(folder / ".token")
        self._studio = Studio(settings)
        self._http = HttpServer(
            StudioApp(self._studio, token),
            _HOST,
            settings.port,
            read_timeout=_HEADER_SECONDS,
            max_connections=_MAX_CONNECTIONS,
            drain_seconds=_DRAIN_SECONDS,
            lifespan=True,
        )
        self.address = f"http://{_HOST}:{self._http.port}/#token={token}"

    def stop(self) -> None:
        """Ends all processes and lets go of the folder."""
        self._studio.hang_up()
        self._http.begin_stop()
        self._http.wait()
        self._lock.release()


def _kept_token(path: Path) -> str:
    """The token of the studio before, so that its open pages go on; readable for its owner alone."""
    token = path.read_text(encoding="ascii") if path.exists() else ""
    if not token:  # else one that was ended while it wrote would lock everybody out
        token = new_token()
        path.touch(0o600)
        path.chmod(0o600)
        path.write_text(token, encoding="ascii")
    return token
