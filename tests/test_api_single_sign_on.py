"""Single sign-on: through Streamlit's OpenID Connect, with a provider that really signs."""

import base64
import contextlib
import hashlib
import json
import os
import threading
import time
import urllib.error
import urllib.request
from http.cookiejar import CookieJar
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from conftest import App, forget, free_port
from joserfc import jwt
from joserfc.jwk import RSAKey

from jobs.verbs import people
from store import audit

KEY = RSAKey.generate_key(2048, parameters={"kid": "one"})


class Provider(BaseHTTPRequestHandler):
    """A small OpenID Connect provider: whoever asks is the person that the test said."""

    who: ClassVar = {"sub": "1", "email": "ayse@firma.example", "email_verified": True}
    nonces: ClassVar = {}

    def log_message(self, *_):
        pass

    def do_GET(self):
        asked = dict(parse_qsl(urlsplit(self.path).query))
        here = f"http://127.0.0.1:{self.server.server_port}"
        if self.path.startswith("/.well-known"):
            self.tell(
                {
                    "issuer": here,
                    "authorization_endpoint": f"{here}/authorize",
                    "token_endpoint": f"{here}/token",
                    "jwks_uri": f"{here}/keys",
                    "id_token_signing_alg_values_supported": ["RS256"],
                    "response_types_supported": ["code"],
                    "subject_types_supported": ["public"],
                }
            )
        elif self.path.startswith("/keys"):
            self.tell({"keys": [KEY.as_dict(private=False)]})
        else:
            code = hashlib.sha256(asked["state"].encode()).hexdigest()
            self.nonces[code] = asked["nonce"]
            back = urlencode({"code": code, "state": asked["state"]})
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri']}?{back}")
            self.end_headers()

    def do_POST(self):
        sent = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        basic = base64.b64decode(self.headers["authorization"].split()[1]).decode()
        assert basic == "trainyard:the-secret"
        told = self.who | {
            "iss": f"http://127.0.0.1:{self.server.server_port}",
            "aud": "trainyard",
            "azp": "trainyard",
            "iat": int(time.time()),
            "exp": int(time.time()) + 60,
            "nonce": self.nonces[sent["code"][0]],
        }
        token = jwt.encode({"alg": "RS256", "kid": "one"}, told, KEY)
        self.tell({"access_token": "x", "token_type": "Bearer", "expires_in": 60, "id_token": token})

    def tell(self, document):
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def provider():
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.slow
def test_somebody_we_know_comes_in_with_a_role_and_nobody_else(home, provider, tmp_path, monkeypatch):
    """The provider vouches for a mail address; who may come in, and as what, is decided here and can be ended here."""
    people.add("ayse@firma.example", "analyst", None)
    port = free_port()
    secrets = tmp_path / "secrets.toml"
    secrets.write_text(f"""
[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "{os.urandom(24).hex()}"
client_id = "trainyard"
client_secret = "the-secret"
server_metadata_url = "http://127.0.0.1:{provider.server_port}/.well-known/openid-configuration"
""")
    app = App(home, port=port, options=[f"--secrets.files={secrets}"])
    try:
        ask = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar := CookieJar()))
        page = ask.open(urllib.request.Request(f"{app.url}/queues", headers={"accept": "text/html"})).read().decode()
        assert "Sign in with single sign-on" in page
        answer = ask.open(
            urllib.request.Request(
                f"{app.url}/login/with?provider=default&next=%2Fworkflows", headers={"accept": "text/html"}
            )
        )
        assert answer.url == f"{app.url}/workflows"
        assert [cookie.name for cookie in jar if "streamlit" in cookie.name and "user" in cookie.name] == []
        assert json.load(ask.open(f"{app.url}/api/me")) == {
            "name": "ayse@firma.example",
            "role": "analyst",
            "sign_in": True,
        }
        assert any(each.what == "sign in" and each.about == "with default" for each in audit.find())
        people.sign_out_everywhere("ayse@firma.example")
        with pytest.raises(urllib.error.HTTPError, match="401"):
            ask.open(f"{app.url}/api/me")
        for who in (
            {"email": "eve@firma.example", "email_verified": True},
            {"email": "ayse@firma.example", "email_verified": False},
            {},
        ):
            monkeypatch.setattr(Provider, "who", {"sub": "2", **who})
            other = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
            with contextlib.suppress(urllib.error.HTTPError):
                other.open(
                    urllib.request.Request(f"{app.url}/login/with?provider=default", headers={"accept": "text/html"})
                )
            with pytest.raises(urllib.error.HTTPError, match="401"):
                other.open(f"{app.url}/api/me")
    finally:
        alive = app.stop()
        said = app.said()
        app.log.unlink()
    assert alive == [] and "Traceback" not in said


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("[auth]\nredirect_uri='http://localhost/oauth2callback'\n", "cookie_secret"),
        ("[auth]\nredirect_uri='http://localhost/oauth2callback'\ncookie_secret='x'\nclient_id='a'\n", "client_secret"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(home, tmp_path, written, told):
    """The app ends with a sentence rather than fail when somebody signs in."""
    from helpers.processes import started

    secrets = tmp_path / "secrets.toml"
    secrets.write_text(written)
    code, said = started(home, options=[f"--secrets.files={secrets}"])
    assert code != 0 and told in said and "Traceback" not in said
    forget()
