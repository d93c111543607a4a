from hypothesis import given
from hypothesis import strategies as st

from sadd_client.caching import bumps
from sadd_client.caching.bumps import Bumps

NAMES = st.sampled_from("abc")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), NAMES, st.frozensets(NAMES)),
        st.tuples(st.sampled_from(["key", "tag", "all"]), NAMES, st.just(frozenset[str]())),
    ),
    max_size=30,
)


@given(STEPS)
def test_what_moved_is_what_a_list_of_all_bumps_says(steps: list[tuple[str, str, frozenset[str]]]) -> None:
    """What was read before its key, one of its tags or everything was bumped has moved; nothing else."""
    ours, said = Bumps(), list[tuple[str, str]]()
    read: list[tuple[int, int, str, frozenset[str]]] = []
    for kind, name, tags in steps:
        if kind == "read":
            read.append((ours.position, len(said), name, tags))
            continue
        said.append((kind, name))
        if kind == "all":
            ours.everything()
        else:
            (ours.key if kind == "key" else ours.tag)(name)
    for position, before, key, tags in read:
        meant = {("key", key), *(("tag", tag) for tag in tags)}
        moved = any(kind == "all" or (kind, name) in meant for kind, name in said[before:])
        assert ours.moved(position, key, tuple(tags)) == moved


def test_what_is_forgotten_counts_as_moved() -> None:
    """The bound on memory never makes an old value valid: it makes more of them invalid."""
    ours = Bumps()
    for number in range(bumps.NAMES_MAX + 1):
        ours.key(str(number))

    assert ours.moved(0, "another", ())
    assert not ours.moved(ours.position, "another", ())
