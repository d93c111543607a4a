"""What anybody can check of a draw, from public documents alone.

Each function returns the faults, each a sentence that says what was done; none means that it is confirmed.
Nothing here asks the platform, or anybody.
"""

from collections.abc import Iterator

from queueing.draw import merkle
from queueing.draw.beacon import QUICKNET, Chain, randomness_of_signature, randomness_of_statement
from queueing.draw.document import PATH_LENGTH_MAX, Beacon, Draw, Proof, Published
from queueing.draw.entry import ENTRIES_MAX, ENTRY_BYTES
from queueing.draw.seed import seed_of
from queueing.draw.shuffle import place


def faults_of_draw(draw: Draw, chain: Chain = QUICKNET) -> list[str]:
    """Of the document by itself: the beacon is what was named, came after the freeze, and gives the seed."""
    return list(_of_draw(draw, chain))


def faults_of_list(published: Published, chain: Chain = QUICKNET) -> list[str]:
    """Of the whole draw, every place of it."""
    faults = [*_of_entries(published), *_of_draw(published.draw, chain)]
    return faults or list(_of_places(published.draw))


def faults_of_proof(proof: Proof, chain: Chain = QUICKNET) -> list[str]:
    """Of one place. About 3 ms, the beacon's signature included."""
    return [*_of_draw(proof.draw, chain), *_of_place(proof)]


def faults_against(kept: Draw, shown: Draw) -> list[str]:
    """What a document tells otherwise than one of the same draw that somebody kept."""
    if (kept.room, kept.draw) != (shown.room, shown.draw):
        return [f"the kept document is of another draw: {kept.room} {kept.draw}"]
    return list(_against(kept, shown))


def randomness_of(beacon: Beacon) -> bytes:
    """What the seed takes from the beacon. ValueError: its signature is no hex."""
    if beacon.kind == "drand":
        return randomness_of_signature(bytes.fromhex(beacon.signature))
    return randomness_of_statement(beacon.source, beacon.text)


def _of_draw(draw: Draw, chain: Chain) -> Iterator[str]:
    if not draw.root:
        yield "nothing is frozen yet: there is no root"
        return
    if draw.frozen_at_ms >= draw.beacon.at_ms:
        yield "frozen after the beacon was known: the entries could be chosen to suit it"
    if draw.frozen_at_ms < draw.closes_at_ms:
        yield "frozen before the announced moment: whoever came until then was left out"
    if not draw.beacon.known:
        yield "frozen but not drawn yet: the beacon has no value"
        return
    yield from _of_beacon(draw.beacon, chain)
    try:
        expected = seed_of(
            draw.room, draw.draw, draw.count, bytes.fromhex(draw.root), randomness_of(draw.beacon)
        ).hex()
    except (ValueError, OverflowError):
        yield "the root, the count or the beacon is no such value"
        return
    if draw.seed != expected:
        yield f"the seed is doctored: {draw.seed or 'none'}, where room, root and beacon give {expected}"


def _of_beacon(beacon: Beacon, chain: Chain) -> Iterator[str]:
    if beacon.kind == "statement":
        return  # people compare the text with what was published
    if beacon.chain != chain.id:
        yield f"the beacon is doctored: its chain is not quicknet but {beacon.chain!r}"
    elif beacon.round < 1 or beacon.at_ms != chain.at_ms(beacon.round):
        yield f"the beacon is doctored: round {beacon.round} does not come out when the document says"
    elif not _signed(beacon, chain):
        yield f"the beacon is doctored: this is not the signature of round {beacon.round}"


def _signed(beacon: Beacon, chain: Chain) -> bool:
    try:
        return chain.holds(beacon.round, bytes.fromhex(beacon.signature))
    except (ValueError, OverflowError):
        return False


def _of_entries(published: Published) -> Iterator[str]:
    draw, entries = published.draw, published.entries
    if len(entries) > draw.count:
        yield f"the list is doctored: late comers were added: {len(entries):,}, {draw.count:,} were frozen"
    elif len(entries) < draw.count:
        yield f"the list is doctored: some were taken out: {len(entries):,}, {draw.count:,} were frozen"
    if len(set(entries)) != len(entries):
        yield "the list is doctored: an entry is in it more than once"
    if merkle.root(entries).hex() != draw.root:
        yield "the list is doctored: its root is not the one that was published"


def _of_places(draw: Draw) -> Iterator[str]:
    """That the shuffle gives each place once is proven, and here it is counted."""
    from queueing.draw.permutation import places  # numpy, which who checks one place has no use for

    given = places(bytes.fromhex(draw.seed), draw.count)
    given.sort()
    if (given[1:] == given[:-1]).any():
        yield "a place is given twice"


def _of_place(proof: Proof) -> Iterator[str]:
    draw = proof.draw
    try:
        entry, path = bytes.fromhex(proof.entry), [bytes.fromhex(one) for one in proof.path]
    except ValueError:
        yield "the proof is no proof: something in it is no hex"
        return
    fits = len(entry) == ENTRY_BYTES and len(path) <= PATH_LENGTH_MAX and draw.count <= ENTRIES_MAX
    reached = merkle.root_of_proof(entry, proof.index, draw.count, path) if fits else None
    if reached is None or reached.hex() != draw.root:
        yield f"entry {proof.index} is not in the list that was frozen: the proof does not lead to its root"
        return
    try:
        due = place(bytes.fromhex(draw.seed), proof.index, draw.count)
    except ValueError:
        yield "there is no seed to draw with"
        return
    if (proof.place, proof.number) != (due, draw.number(due)):
        yield (
            f"the place is doctored: place {proof.place}, number {proof.number}, "
            f"where the seed gives place {due}, number {draw.number(due)}"
        )


def _against(kept: Draw, shown: Draw) -> Iterator[str]:
    if kept.root and (kept.root, kept.count) != (shown.root, shown.count):
        yield (
            f"a second list: {kept.count:,} entries with root {kept.root} were published, "
            f"now {shown.count:,} with root {shown.root or 'none'}"
        )
    if kept.root and kept.beacon.named != shown.beacon.named:
        yield "another beacon than the one that was named before the freeze"
    if kept.beacon.known and kept.beacon != shown.beacon:
        yield "a second draw: the beacon had another value"
    if kept.seed and kept.seed != shown.seed:
        yield f"a second draw: the seed was {kept.seed}"
    if kept.root and kept.base != shown.base:
        yield f"the numbers were moved: they began after {kept.base}, now after {shown.base}"
