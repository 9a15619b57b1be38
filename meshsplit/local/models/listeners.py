"""One listening port, for REST or gRPC, that can be closed without failing a request in flight."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Protocol

import grpc.aio
import uvicorn

from meshsplit.local.models.protocol import grpc_predict_v2_pb2_grpc

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from meshsplit.local.models.rpc import InferenceService

HOST = "127.0.0.1"
# How long a request in flight may keep a closed listener alive.
DRAIN_SECONDS = 5
# Envoy closes an upstream connection that idles for 1 h (HttpProtocolOptions.idle_timeout). The server must
# be the more patient side: a request sent into a connection it is about to close fails.
_KEEP_ALIVE_SECONDS = 2 * 3600
# ModelMesh's default, grpcMaxMessageSizeBytes in modelmesh-serving's docs/configuration.
_MESSAGE_BYTES = 16 * 1024 * 1024


class Listener(Protocol):
    """An open port."""

    port: int

    async def close(self) -> None:
        """Accept nothing more, let requests in flight finish, give up on them after DRAIN_SECONDS."""


class RestListener:
    """HTTP/1.1 on a free port."""

    def __init__(self, server: uvicorn.Server, listening: socket.socket) -> None:
        self.port: int = listening.getsockname()[1]
        self._server = server
        self._listening = listening

    @classmethod
    async def open(cls, app: Starlette) -> RestListener:
        """Accepts when it returns; OSError when no port can be had."""
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
        config.load()
        server = uvicorn.Server(config)
        # What Server.serve() does around its main loop; that loop would wake ten times a second per listener
        # and take over the process's signals.
        server.lifespan = config.lifespan_class(config)
        listening = socket.create_server((HOST, 0), backlog=config.backlog)
        await server.startup(sockets=[listening])
        return cls(server, listening)

    async def close(self) -> None:
        """See Listener."""
        await self._server.shutdown(sockets=[self._listening])


class GrpcListener:
    """gRPC without TLS (h2c) on a free port."""

    def __init__(self, server: grpc.aio.Server, port: int) -> None:
        self.port = port
        self._server = server

    @classmethod
    async def open(cls, service: InferenceService) -> GrpcListener:
        """Accepts when it returns; OSError when no port can be had."""
        server = grpc.aio.server(
            options=(
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", _MESSAGE_BYTES),
                ("grpc.max_send_message_length", _MESSAGE_BYTES),
            )
        )
        grpc_predict_v2_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(service, server)
        try:
            port = server.add_insecure_port(f"{HOST}:0")
        except RuntimeError as refused:
            raise OSError(str(refused)) from refused
        await server.start()
        return cls(server, port)

    async def close(self) -> None:
        """See Listener."""
        await self._server.stop(DRAIN_SECONDS)
