"""Where the chance comes from: a value that nobody knows before a moment and nobody can choose.

A source is named before the entries are frozen, and its value comes after. Two kinds:

drand      a round of the public randomness beacon ``quicknet`` (League of Entropy), every 3 s. Its value is a
           BLS signature of the round's number under a group's key that is pinned here, so nobody has to be
           asked whether it is right: scheme bls-unchained-g1-rfc9380, signature in G1, key in G2.
statement  a text that somebody else publishes, e.g. the numbers of a lottery. No machine can check that it is
           what was published: the document shows both, for people to compare.
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from py_arkworks_bls12381 import GT, G1Point, G2Point

SIGNATURE_BYTES = 48
SOURCE_LENGTH_MAX = 500
TEXT_LENGTH_MAX = 2_000

_SUITE = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"
_STATEMENT_TAG = b"sadd draw statement 1\0"


@dataclass(frozen=True, slots=True)
class Chain:
    """A drand chain. ``id`` is its hash, which names the key and the times; ``key`` is compressed."""

    id: str
    key: bytes
    genesis_s: int
    period_s: int

    def at_ms(self, number: int) -> int:
        """When the round comes out. The first is number 1."""
        return (self.genesis_s + (number - 1) * self.period_s) * 1000

    def first_round(self, from_ms: int) -> int:
        """The first one that comes out at that moment or later."""
        late_ms = max(from_ms - self.genesis_s * 1000, 0)
        return -(-late_ms // (self.period_s * 1000)) + 1

    def holds(self, number: int, signature: bytes) -> bool:
        """Whether this is the signature of the round. About 2.5 ms the first time."""
        return _holds(self.key, number, signature)


QUICKNET = Chain(
    id="52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
    key=bytes.fromhex(
        "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451"
        "0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a"
    ),
    genesis_s=1_692_803_367,
    period_s=3,
)
"""As the League of Entropy publishes it (its blog, "quicknet is live", 16 October 2023)."""


def message(number: int) -> G1Point:
    """What the group signs for a round."""
    return G1Point.hash_to_curve(sha256(number.to_bytes(8, "big")).digest(), _SUITE)


def randomness_of_signature(signature: bytes) -> bytes:
    """As drand itself makes it."""
    return sha256(signature).digest()


def randomness_of_statement(source: str, text: str) -> bytes:
    name = source.encode()
    return sha256(_STATEMENT_TAG + len(name).to_bytes(4, "big") + name + text.encode()).digest()


def forget() -> None:
    """Signatures are verified anew: for who measures what one costs."""
    _holds.cache_clear()


@lru_cache(maxsize=64)
def _holds(key: bytes, number: int, signature: bytes) -> bool:
    """e(signature, g2) = e(H(round), key), as a product that must be one. Points off the group are none."""
    try:
        signed, public = G1Point.from_compressed_bytes(signature), G2Point.from_compressed_bytes(key)
    except ValueError:
        return False
    if signed == G1Point.identity():
        return False
    return GT.pairing_check([signed, -message(number)], [G2Point(), public])
