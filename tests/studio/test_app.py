"""Who may ask, and for what: the studio answers its own page alone."""

import mimetypes
from pathlib import Path

import pytest

from nst_keras.studio import app

from .conftest import Client, Run

STRANGERS = {
    "another name for this machine": (421, {"host": "evil.example:8600"}),
    "another port": (421, {"host": "127.0.0.1:80"}),
    "no host": (421, {"host": ""}),
    "another site's script": (403, {"origin": "http://evil.example"}),
    "a sandboxed frame": (403, {"origin": "null"}),
    "another port's page": (403, {"origin": "http://127.0.0.1:8601"}),
    "another site's form": (403, {"sec_fetch_site": "cross-site"}),
    "another port's form": (403, {"sec_fetch_site": "same-site"}),
    "no token": (403, {"authorization": ""}),
    "a wrong token": (403, {"authorization": "Bearer tokem"}),
    "a token in another alphabet": (403, {"authorization": "Bearer \xfc"}),
}


@pytest.mark.parametrize("who", STRANGERS)
def test_strangers_get_nothing(who: str, visit: Run) -> None:
    status, headers = STRANGERS[who]

    async def scene(client: Client) -> None:
        for method, target in (("GET", "/api/about"), ("PUT", "/api/pictures?name=a.png"), ("POST", "/x")):
            reply = await client(method, target, b"{}", **headers)
            assert reply.status == status
            assert list(reply.json) == ["error"]

    visit(scene)


def test_the_page_is_for_everybody_here_and_runs_no_foreign_code(
    visit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_PAGE", tmp_path / "page")
    monkeypatch.setattr(mimetypes, "guess_type", lambda name: ("text/plain", None))
    (tmp_path / "page" / "parts").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "page" / "index.html").write_text("<title>studio</title>")
    (tmp_path / "page" / "parts" / "main.js").write_text("1")

    async def scene(client: Client) -> None:
        for host in ("127.0.0.1:8600", "localhost:8600", "[::1]:8600"):
            page = await client("GET", "/", host=host, authorization="")
            assert (page.status, page.body) == (200, b"<title>studio</title>")
        policy = page.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        script = await client("GET", "/page/parts/main.js", authorization="")
        assert script.headers["content-type"] == "text/javascript; charset=utf-8"
        head = await client("HEAD", "/page/parts/main.js", authorization="")
        assert (head.status, head.body) == (200, b"")
        for path in ("/page/../secret.txt", "/page/..%2fsecret.txt", "/page//etc/passwd", "/page/parts"):
            assert (await client("GET", path)).status == 404
        assert (await client("POST", "/api/about", {})).status == 405

    visit(scene)


def test_what_is_no_request_is_refused_in_a_sentence(visit: Run) -> None:
    async def scene(client: Client) -> None:
        for body in (b"{", b"[]", b"\xff", b"[" * 100_000):
            reply = await client("POST", "/api/paint", body)
            assert reply.status == 400
            assert "JSON" in reply.json["error"]
        reply = await client("POST", "/api/paint", b" " * (1 << 20) + b"{}")
        assert reply.status == 413

    visit(scene)


def test_about_tells_each_setting_once_from_its_field(visit: Run) -> None:
    async def scene(client: Client) -> None:
        about = (await client("GET", "/api/about")).json
        fields = {field["name"]: field for field in about["fields"]["optimize"]}
        assert fields["size"] | {"type": "int", "default": 512, "at_least": 1} == fields["size"]
        assert fields["preserve_color"]["choices"] == ["none", "luma", "match", "transport"]
        assert fields["strength"]["at_most"] == 1
        assert fields["style_layers"]["default"]["relu1_1"] == 0.25
        assert "--" not in fields["color_strength"]["help"]
        assert about["presets"][0]["name"] == "default"
        assert {"starry_night", "style7"} <= {style["name"] for style in about["styles"]}
        assert all(style["credit"] for style in about["styles"])

    visit(scene)
