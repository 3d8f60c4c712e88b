"""An OpenID provider in a process of its own, stricter than the library that it is (it demands PKCE), and able to lie.

`python -m governance.tests.openid_provider` prints its address. `PUT /users/SUB` says what it knows of somebody,
`PUT /lies` how the next ID tokens differ from the truth: `{"claims": {...}, "without": [...], "key": "another"}`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx


class Provider:
    """The provider, as tests see it."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    def knows(self, subject: str, **claims: Any) -> None:
        httpx.put(f"{self.issuer}/users/{subject}", json=claims).raise_for_status()

    def lies(self, **lies: Any) -> None:
        httpx.put(f"{self.issuer}/lies", json=lies).raise_for_status()

    def confirm(self, address: str, subject: str) -> str:
        """Sign `subject` in at the provider; return where it sends the browser, without the host."""
        reply = httpx.post(address, data={"sub": subject})
        assert reply.status_code == 302, reply.text
        back = urlsplit(reply.headers["Location"])
        return f"{back.path}?{back.query}"


@contextmanager
def provider() -> Iterator[Provider]:
    """Run a provider for as long as the block lasts."""
    environment = {**os.environ, "AUTHLIB_INSECURE_TRANSPORT": "1", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-W", "ignore", "-m", "governance.tests.openid_provider"]
    top = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        command, cwd=top, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield Provider(process.stdout.readline().strip())
        finally:
            process.terminate()


def _serve() -> None:
    import flask
    import oidc_provider_mock
    from joserfc import jwt
    from joserfc.jwk import RSAKey
    from oidc_provider_mock._app import AuthorizationCodeGrant
    from oidc_provider_mock._storage import storage
    from werkzeug.serving import make_server

    AuthorizationCodeGrant.TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post", "none"]
    app = oidc_provider_mock.app()
    challenges: dict[str, str] = {}
    lies: dict[str, Any] = {}

    @app.put("/lies")
    def set_lies() -> tuple[str, int]:
        lies.clear()
        lies.update(flask.request.json)
        return "", 204

    @app.before_request
    def demand_pkce() -> Any:
        if flask.request.path == "/oauth2/authorize":
            sent = flask.request.args
            if sent.get("code_challenge_method") != "S256" or not sent.get("code_challenge") or not sent.get("nonce"):
                return "PKCE and a nonce are required.", 400
        if flask.request.path == "/oauth2/token":
            digest = hashlib.sha256(flask.request.form["code_verifier"].encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if challenges.pop(flask.request.form["code"], None) != challenge:
                return flask.jsonify(error="invalid_grant"), 400
        return None

    @app.after_request
    def keep_challenge_and_lie(response: flask.Response) -> flask.Response:
        if flask.request.path == "/oauth2/authorize" and "Location" in response.headers:
            code = parse_qs(urlsplit(response.headers["Location"]).query).get("code", [""])[0]
            challenges[code] = flask.request.args["code_challenge"]
        if flask.request.path == "/oauth2/token" and lies and response.status_code == 200:
            body = json.loads(response.get_data())
            body["id_token"] = lie(body["id_token"])
            response.set_data(json.dumps({name: value for name, value in body.items() if value}))
        return response

    def lie(token: str) -> str:
        if "id_token" in lies.get("without", ()):
            return ""
        key = RSAKey.import_key(storage.jwk.as_dict(is_private=True))
        header, claims, _ = (json.loads(base64.urlsafe_b64decode(part + "==") or b"{}") for part in _parts(token))
        claims = {**claims, **lies.get("claims", {})}
        claims = {name: value for name, value in claims.items() if name not in lies.get("without", ())}
        if lies.get("key") == "another":
            key = RSAKey.generate_key(2048, {"kid": key.kid} if key.kid else None)
        if lies.get("key") == "none":
            unsigned = [{**header, "alg": "none"}, claims]
            encoded = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in unsigned]
            return ".".join([*encoded, ""])
        return jwt.encode(header, claims, key)

    server = make_server("127.0.0.1", 0, app, threaded=True)
    print(f"http://127.0.0.1:{server.server_port}")
    server.serve_forever()


def _parts(token: str) -> list[str]:
    header, claims, _ = token.split(".")
    return [header, claims, base64.urlsafe_b64encode(b"{}").decode()]


if __name__ == "__main__":
    _serve()
