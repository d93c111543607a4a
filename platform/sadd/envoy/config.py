"""Loads envoyproxy/ratelimit's YAML as it is, and refuses what it refuses, in its words.

Every fault is ``<file>: <what>``. envoyproxy/ratelimit stops at the first; here all are found, so that one
look is enough. The words are those of src/config/config_impl.go (759083401, read 2026-11).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from sadd.envoy import decoding
from sadd.envoy.decoding import Decoding, Fields
from sadd.envoy.document import Unreadable, Value, parse
from sadd.envoy.files import FilesError, Source, read_sources
from sadd.envoy.joining import caught, collision
from sadd.envoy.rules import SECONDS, Config, Match, Node, Rule, Unit, Wildcard

_SHOWN_OTHERWISE = ("share_threshold", "value_to_metric", "detailed_metric")


class ConfigError(Exception):
    """No configuration, for ``faults``: one text each; the first is what envoyproxy/ratelimit would log."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


def read(path: Path, *, merge_domains: bool = False) -> Config:
    """The configuration of a file or a folder. Raises ConfigError."""
    try:
        sources = read_sources(path)
    except FilesError as error:
        raise ConfigError([str(error)]) from None
    return load(sources, merge_domains=merge_domains)


def load(sources: Iterable[Source], *, merge_domains: bool = False) -> Config:
    """The configuration that these texts make together. Raises ConfigError.

    A domain of two files is refused unless ``merge_domains``, envoyproxy/ratelimit's MERGE_DOMAIN_CONFIG.
    """
    loading = _Loading(merge_domains)
    for source in sources:
        loading.take(source)
    if loading.faults:
        raise ConfigError(loading.faults)
    return Config(MappingProxyType(loading.domains), tuple(loading.notices))


@dataclass(slots=True)
class _Loading:
    merge_domains: bool
    domains: dict[str, Node] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """Of each domain the file that had it first."""
    faults: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def take(self, source: Source) -> None:
        file = _File(source.name)
        try:
            domain, descriptors = file.read(source.text)
        except _Refused:
            pass
        else:
            self._join(file, domain, descriptors)
        self.faults += [f"{source.name}: {fault}" for fault in file.faults]
        self.notices += [f"{source.name}: {notice}" for notice in file.notices]

    def _join(self, file: "_File", domain: str, descriptors: list["_Descriptor"]) -> None:
        if not domain:
            file.faults.append("config file cannot have empty domain")
        elif domain in self.domains and not self.merge_domains:
            has = self.files[domain]  # perhaps the faulty one of the two
            file.faults.append(f"duplicate domain '{domain}' in config file: {has} has it")
        else:
            self.files.setdefault(domain, file.name)
            top = self.domains.setdefault(domain, Node())
            file.grow(top, f"{domain}.", descriptors)
            file.notices += caught(top, f"{domain}.")


class _Refused(Exception):
    """The file's faults are such that its descriptors were not looked at."""


@dataclass(frozen=True, slots=True)
class _Descriptor:
    key: str
    value: str
    limit: "_Limit | None"
    descriptors: list["_Descriptor"]
    switches: Mapping[str, bool]
    metadata: Mapping[str, object] | None

    @property
    def joined(self) -> str:
        return f"{self.key}_{self.value}" if self.value else self.key


@dataclass(frozen=True, slots=True)
class _Limit:
    requests_per_unit: int
    unit: str
    unlimited: bool
    name: str
    replaces: tuple[str, ...]


@dataclass(slots=True)
class _File:
    name: str
    faults: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def read(self, text: str) -> tuple[str, list[_Descriptor]]:
        """Domain and descriptors. _Refused: ``faults`` say why."""
        root = self._root(text)
        self.faults += decoding.key_faults(root)
        if not all(map(decoding.is_unknown_key, self.faults)):
            raise _Refused  # a value of a kind that has no place: decoding would only name it again
        decode = Decoding()
        fields = decode.fields(root, decoding.ROOT, "config.YamlRoot")
        domain = decode.text(fields.get("domain"))
        descriptors = _descriptors(decode, fields)
        self.notices += decode.notices
        if decode.misfits:
            lines = "\n  ".join(decode.misfits)
            self._refuse_if([f"error loading config file: yaml: unmarshal errors:\n  {lines}"])
        return domain, descriptors

    def _root(self, text: str) -> Value:
        try:
            document = parse(text)
        except Unreadable as error:
            self._refuse_if([f"error loading config file: {error}"])
            raise AssertionError from error  # pragma: no cover - refused above
        if document.more:
            self.notices.append("only the first of its YAML documents is read")
        if document.root.kind not in ("map", "null"):
            decode = Decoding()
            decode.fields(document.root, frozenset(), "map[interface {}]interface {}")
            self._refuse_if([f"error loading config file: yaml: unmarshal errors:\n  {decode.misfits[0]}"])
        return document.root

    def _refuse_if(self, faults: list[str]) -> None:
        self.faults += faults
        if faults:
            raise _Refused

    def grow(self, parent: Node, above: str, descriptors: Iterable[_Descriptor]) -> None:
        """Add ``descriptors`` under ``parent``, whose place is ``above``; what is faulty is left out."""
        for one in descriptors:
            if not one.key:
                self.faults.append("descriptor has empty key")
            elif one.joined in parent.children:
                self.faults.append(
                    collision(parent.children[one.joined], (one.key, one.value), above + one.joined)
                )
            else:
                node = self._node(one, above + one.joined, parent)
                parent.children[one.joined] = node
                if "*" in one.joined:
                    parent.wildcards.append(Wildcard(one.joined, tuple(one.joined.split("*"))))
                self.grow(node, f"{above}{one.joined}.", one.descriptors)

    def _node(self, one: _Descriptor, full_key: str, parent: Node) -> Node:
        if one.limit is not None:
            self.faults += _limit_faults(one.limit)
        share_threshold = one.switches["share_threshold"]
        if share_threshold and "*" not in one.joined:
            self.faults.append(
                "share_threshold can only be used with wildcard values (containing '*'), "
                f"but found key '{one.joined}'"
            )
        rule = _rule(one, one.limit, full_key) if one.limit is not None else None
        plain = parent.plain and not any(one.switches[name] for name in _SHOWN_OTHERWISE)
        return Node(
            rule=rule,
            joined=one.joined,
            written=(one.key, one.value),
            share_threshold=share_threshold,
            value_to_metric=one.switches["value_to_metric"],
            plain=plain,
            metadata=one.metadata,
            match=Match(rule, full_key, one.metadata) if plain and rule is not None else None,
        )


def _descriptors(decode: Decoding, fields: Fields) -> list[_Descriptor]:
    items = decode.items(fields.get("descriptors"), "[]config.YamlDescriptor")
    return [_descriptor(decode, item) for item in items]


def _descriptor(decode: Decoding, value: Value) -> _Descriptor:
    fields = decode.fields(value, decoding.DESCRIPTOR, "config.YamlDescriptor")
    return _Descriptor(
        key=decode.text(fields.get("key")),
        value=decode.text(fields.get("value")),
        limit=_limit(decode, fields.get("rate_limit")),
        descriptors=_descriptors(decode, fields),
        switches={name: decode.flag(fields.get(name)) for name in decoding.SWITCHES},
        metadata=decode.metadata(fields.get("metadata")),
    )


def _limit(decode: Decoding, value: Value | None) -> _Limit | None:
    if value is None or value.kind == "null":
        return None
    fields = decode.fields(value, decoding.RATE_LIMIT, "config.YamlRateLimit")
    replaces = decode.items(fields.get("replaces"), "[]config.yamlReplaces")
    named = [decode.fields(item, decoding.REPLACES, "config.yamlReplaces") for item in replaces]
    return _Limit(
        requests_per_unit=decode.uint32(fields.get("requests_per_unit")),
        unit=decode.text(fields.get("unit")),
        unlimited=decode.flag(fields.get("unlimited")),
        name=decode.text(fields.get("name")),
        replaces=tuple(decode.text(one.get("name")) for one in named),
    )


def _unit(limit: _Limit) -> Unit | None:
    return next((unit for unit in SECONDS if unit == limit.unit.upper()), None)


def _limit_faults(limit: _Limit) -> Iterator[str]:
    if limit.unlimited and _unit(limit) is not None:
        yield "should not specify rate limit unit when unlimited"
    if not limit.unlimited and _unit(limit) is None:
        yield f"invalid rate limit unit '{limit.unit}'"
    for name in limit.replaces:
        if not name:
            yield "should not have an empty replaces entry"
        elif name == limit.name:
            yield "replaces should not contain name of same descriptor"


def _rule(one: _Descriptor, limit: _Limit, full_key: str) -> Rule:
    return Rule(
        full_key=full_key,
        requests_per_unit=limit.requests_per_unit,
        unit=None if limit.unlimited else _unit(limit),
        name=limit.name,
        replaces=frozenset(limit.replaces),
        shadow_mode=one.switches["shadow_mode"],
        quota_mode=one.switches["quota_mode"],
        detailed_metric=one.switches["detailed_metric"],
    )
