"""Which models a listener answers for, and how; read anew by every request, so it may change under load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsplit.local.models.conduct import Conduct
from meshsplit.local.models.spec import ModelMeshServing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshsplit.local.models.spec import Serving

# In every answer of a member, in REST a response header and in gRPC initial metadata: the InferenceService
# that gave it. It tells members apart that share a served name.
SERVED_BY = "x-served-by"


class Catalog:
    """`names`: the name a client uses -> the InferenceService that answers.

    `sole` is the one InferenceService behind the listener, None when it is shared. `conduct` is how they
    behave, and what was counted of them.
    """

    names: Mapping[str, str]
    sole: str | None

    def __init__(self, serving: Serving) -> None:
        self.namespace = serving.namespace
        self.conduct = Conduct()
        self.update(serving)

    def update(self, serving: Serving) -> None:
        """Answer for `serving` from the next request on."""
        if isinstance(serving, ModelMeshServing):
            self.names, self.sole = {model: model for model in serving.models}, None
        else:
            self.names, self.sole = {serving.served_name: serving.isvc}, serving.isvc
