"""Posts JSON to webhooks, signed with a Secret where one is named."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import urllib3

from meshsplit.controller.resources import SECRETS
from meshsplit.kube.port import ApiError, Forbidden
from meshsplit.kube.wire import from_json
from meshsplit.rollout.gates import SIGNATURE_HEADER, sign

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshsplit.kube.port import Reader

SUCCESS = range(200, 300)
_CONNECTIONS = 4


class NotPosted(Exception):  # noqa: N818 - it says what came of it
    """There is no answer: the message says why, `reason` in a word, without any of the address."""

    def __init__(self, reason: str, message: str = "") -> None:
        super().__init__(message or reason)
        self.reason = reason


class SignedPosts:
    """One pool of connections; `post` is for any thread.

    A redirect is no answer. The Secret that signs a call is read when it is made, and never kept.
    """

    def __init__(self, api: Reader) -> None:
        self._api = api
        self._http = urllib3.PoolManager(maxsize=_CONNECTIONS, retries=False)

    def post(
        self,
        url: str,
        payload: Mapping[str, Any],
        timeout: float,
        secret: tuple[str, str, str] | None,
        content_type: str = "application/json",
    ) -> int:
        """The status of the answer; `secret` are namespace, name and key. Raises NotPosted."""
        body = json.dumps(payload, separators=(",", ":")).encode()
        headers = {"Content-Type": content_type}
        if secret is not None:
            headers[SIGNATURE_HEADER] = sign(body, self._read_secret(*secret))
        try:
            answer = self._http.request(
                "POST",
                url,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(total=timeout),
                redirect=False,
            )
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise NotPosted(type(error).__name__, f"{type(error).__name__}: {error}") from error
        return answer.status

    def close(self) -> None:
        """Close the connections."""
        self._http.clear()

    def _read_secret(self, namespace: str, name: str, key: str) -> bytes:
        try:
            data = from_json(self._api.get(SECRETS, namespace, name)).get("data") or {}
            return base64.b64decode(data[key], validate=True)
        except Forbidden as error:
            raise NotPosted(f"may not read Secret {namespace}/{name}", _say_grant(namespace, name)) from error
        except ApiError as error:
            raise NotPosted(f"{type(error).__name__}: {error}") from error
        except KeyError as error:
            raise NotPosted(f"Secret {namespace}/{name} has no key {key}") from error
        except ValueError as error:
            raise NotPosted(f"Secret {namespace}/{name} is not base64 at key {key}") from error


def _say_grant(namespace: str, name: str) -> str:
    grant = f"kubectl create role meshsplit-webhooks -n {namespace} --verb=get --resource=secrets"
    lacking = f"may not read Secret {namespace}/{name}"
    return f"{lacking}; {grant} --resource-name={name}, then bind it: see meshsplit check"
