"""One-time codes (RFC 6238: SHA-1, six digits, half a minute), written apart from the simulated platform's."""

import base64
import hashlib
import hmac
import struct
import time


def code(seed: str, ahead: int = 0) -> str:
    """The code of the seed (base 32) now, or of so many half minutes ahead."""
    step = int(time.time()) // 30 + ahead
    digest = hmac.new(base64.b32decode(seed), struct.pack(">q", step), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"
