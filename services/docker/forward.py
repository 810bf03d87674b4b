"""`python -m services.docker.forward [HOST:]PORT=TARGET:PORT ...`: forward TCP connections, as the only way in.

The other containers are on a network without a way out, and Docker publishes no ports of such a network. This
container is on that network and on one with a way out, and passes on bytes; it has no secret and reads none of them.
It imports only the standard library.
"""

import asyncio
import sys
from contextlib import suppress

CONNECT_SECONDS = 10.0
CHUNK = 2**16


async def forward(host: str, port: int, target: str, target_port: int) -> asyncio.Server:
    """Start to listen, and connect each connection to the target; a target that does not answer closes it."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            opened = asyncio.open_connection(target, target_port)
            target_reader, target_writer = await asyncio.wait_for(opened, CONNECT_SECONDS)
        except (OSError, TimeoutError):
            await _close(writer)
            return
        await asyncio.gather(_copy(reader, target_writer), _copy(target_reader, writer))
        await asyncio.gather(_close(target_writer), _close(writer))

    return await asyncio.start_server(connected, host, port)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction until its end, and pass on the end."""
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.write_eof()


async def _close(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        writer.close()
        await writer.wait_closed()


def parse(rule: str) -> tuple[str, int, str, int]:
    """Address to listen at, by default on all interfaces, and address of the target."""
    listen, _, target = rule.partition("=")
    host, _, port = listen.rpartition(":")
    target_host, _, target_port = target.rpartition(":")
    return host or "0.0.0.0", int(port), target_host, int(target_port)


async def _main(rules: list[str]) -> None:
    servers = [await forward(*parse(rule)) for rule in rules]
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_main(sys.argv[1:]))
