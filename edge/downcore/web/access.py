"""Who may read the page, and what a browser may load for it."""

import hmac
import ipaddress
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from downcore.strata.errors import SettingsError

COOKIE = "downcore_token"
MIN_TOKEN_CHARACTERS = 16
"""Shortest token that is accepted."""
SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


def is_loopback(host: str) -> bool:
    """Return whether an address can be reached from this computer alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_access(host: str, token: str) -> None:
    """
    Check that a page which others can reach asks for a token.

    Raises
    ------
    SettingsError
        If it does not, or the token is too short.
    """
    if not token and not is_loopback(host):
        raise SettingsError(
            f"expected a token file for a page on {host}, which other computers reach, got none; "
            "name one with --token-file, or use --host 127.0.0.1"
        )
    if token and len(token) < MIN_TOKEN_CHARACTERS:
        raise SettingsError(
            f"expected a token of {MIN_TOKEN_CHARACTERS} characters or more, "
            f"got {len(token)}; `openssl rand -hex 16` makes one"
        )


class Guard:
    """
    Lets in who may read, and says to the browser what the page may load.

    Parameters
    ----------
    app : ASGIApp
        What is guarded.
    token : str
        What a reader must show; empty lets in this computer's own readers.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse, or hand on one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        """Return why a request is not answered; ``None`` where it is."""
        headers = Headers(scope=scope)
        if not self._token:
            # A name of somebody else's that leads here would let their page read ours.
            name = headers.get("host", "").rsplit(":", 1)[0].strip("[]")
            if name in _LOCAL_NAMES:
                return None
            return PlainTextResponse("expected the address of this computer\n", status_code=421)
        shown = QueryParams(scope["query_string"]).get("token")
        if shown is not None and self._is_token(shown):
            answer = RedirectResponse(scope["path"], status_code=303)
            answer.set_cookie(COOKIE, shown, httponly=True, samesite="strict")
            return answer
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        if (kind.lower() == "bearer" and self._is_token(bearer)) or self._is_token(
            _cookie(headers.get("cookie", ""))
        ):
            return None
        return PlainTextResponse(
            "expected the page's token: open it once with ?token=... at the end of the address\n",
            status_code=401,
        )

    def _is_token(self, shown: str) -> bool:
        return hmac.compare_digest(shown.encode(), self._token.encode())


def _cookie(text: str) -> str:
    try:
        found = SimpleCookie(text).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value
