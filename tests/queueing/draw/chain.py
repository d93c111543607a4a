"""A beacon whose key the tests hold, and draws made with it without a database."""

import random
from hashlib import sha256

from py_arkworks_bls12381 import G2Point, Scalar

from queueing.draw import merkle
from queueing.draw.beacon import Chain, message
from queueing.draw.document import Beacon, Draw, Proof, Published
from queueing.draw.entry import entry_of
from queueing.draw.seed import seed_of
from queueing.draw.shuffle import place
from queueing.draw.verification import randomness_of

SECRET = Scalar(0x5ADD)
OURS = Chain("ab" * 32, (G2Point() * SECRET).to_compressed_bytes(), genesis_s=1_600_000_000, period_s=3)

VECTOR_ROUND = 657_413
VECTOR_SIGNATURE = (
    "b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be41076862b98fad56e91a6b85b89cd97b"
)
VECTOR_RANDOMNESS = "fc1873a13f3545aeade8401532ef5519920652eee6b0d2b19ca12643b87b3587"
"""A round of quicknet, as the README of drand-verify has it."""


def signature(number: int) -> bytes:
    """Of a round of our chain."""
    return (message(number) * SECRET).to_compressed_bytes()


def entries_of(count: int, room: str = "results", draw: int = 1) -> list[bytes]:
    chance = random.Random(count)
    return [entry_of(room, draw, chance.randbytes(16)) for _ in range(count)]


def drawn(entries: list[bytes], *, room: str = "results", draw: int = 1, base: int = 0) -> Published:
    """A draw by the true round of quicknet."""
    root = merkle.root(entries)
    at_ms = 1_692_803_367_000 + (VECTOR_ROUND - 1) * 3_000
    chain = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971"
    beacon = Beacon("drand", at_ms, chain, VECTOR_ROUND, VECTOR_SIGNATURE)
    seed = seed_of(room, draw, len(entries), root, randomness_of(beacon))
    document = Draw(
        room,
        draw,
        "drawn",
        closes_at_ms=at_ms - 30_000,
        beacon=beacon,
        count=len(entries),
        frozen_at_ms=at_ms - 29_500,
        root=root.hex(),
        base=base,
        seed=seed.hex(),
    )
    return Published(document, entries)


def proof_of(published: Published, index: int) -> Proof:
    draw, entries = published.draw, published.entries
    at = place(bytes.fromhex(draw.seed), index, draw.count)
    path = [one.hex() for one in merkle.proof(entries, index)]
    return Proof(draw, entries[index].hex(), index, path, at, draw.number(at))


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
