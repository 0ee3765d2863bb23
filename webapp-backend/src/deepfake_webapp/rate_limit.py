"""How many uploads one client may send a minute; each worker counts for itself."""

import ipaddress
import math
import time

from flask import request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

# What one customer of a provider is given at least; single IPv6 addresses cost nothing.
_IPV6_PREFIX = 64


class RateLimit:
    """Counts the uploads of each address, in a minute that begins with its first.

    Args:
        per_minute: Uploads an address may send.
    """

    def __init__(self, per_minute: int) -> None:
        self._item = RateLimitItemPerMinute(per_minute)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def seconds_to_wait(self) -> int:
        """Count the request in hand; 0 if it may be answered."""
        client = _client(request.remote_addr or "")
        if self._limiter.hit(self._item, client):
            return 0
        ends = self._limiter.get_window_stats(self._item, client).reset_time
        return max(1, math.ceil(ends - time.time()))


def _client(address: str) -> str:
    """What is counted as one client: an IPv4 address, or the network of an IPv6 one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # a proxy may send anything
        return address
    if parsed.version == 4:  # noqa: PLR2004 - the protocol's name
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))
