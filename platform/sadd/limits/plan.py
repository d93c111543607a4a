"""What holds for one service, or for one policy that is asked by its id, until catalogue or rules change."""

from dataclasses import dataclass, replace

from ratelimit.decision import Decision
from ratelimit.limiter import Check
from ratelimit.policy import Policy
from sadd.catalogue.model import Catalogue
from sadd.limits.answer import Answer
from sadd.limits.asked import Asked, UnknownService
from sadd.limits.candidate import Candidate, caller_needed
from sadd.limits.classes import limit_of
from sadd.limits.rule import POLICY_PREFIX
from sadd.limits.rules import Book


@dataclass(frozen=True, slots=True)
class Plan:
    """``only`` is the one candidate where no others are, which is most services: nothing is then resolved.

    ``bare`` is the plan of requests that name neither a route nor a descriptor, as most checks do: rules that
    want one of these are never for them, so it often has ``only`` where the whole plan has not.
    """

    agency: str | None
    """Whose it is; None is the platform's, and no agency's."""
    candidates: tuple[Candidate, ...]
    only: Candidate | None
    rule: str | None
    policy: Policy | None
    policies: tuple[Policy, ...]
    field: str
    bare: "Plan | None" = None
    """None: this one."""

    def of(self, asked: Asked) -> "Plan":
        """The plan of this question, which has its one spelling."""
        return self if self.bare is None or asked.route or asked.descriptors else self.bare

    def check(self, asked: Asked) -> Check:
        """The question where there is one candidate. ValueError: key or cost out of bounds."""
        assert self.only is not None, "several candidates are to be resolved"
        assert self.policy is not None, "a single candidate counts: it is a class or was found by its policy"
        key = asked.key or caller_needed(asked)
        if self.only.overrides:
            return Check(self.only.policy_for(key) or self.policy, key, asked.cost)
        return Check(self.policy, key, asked.cost)

    def answer(self, decision: Decision) -> Answer:
        """The answer where there is one candidate."""
        return Answer(decision.allowed, decision, (decision,), self.rule, (), self.policies, self.field)


def plan_of(catalogue: Catalogue, book: Book, id_: str) -> Plan:
    """The plan of a service or of a rule's policy. UnknownService: there is none."""
    if id_.startswith(POLICY_PREFIX):
        return _plan_of_rule(catalogue, book, id_)
    service = catalogue.services.get(id_)
    if service is None or service.status == "retired":
        raise UnknownService(id_)
    candidates = book.candidates(service, limit_of(catalogue, service))
    bare = tuple(one for one in candidates if one.fits_bare)
    plan = _plan(service.agency, candidates)
    return plan if len(bare) == len(candidates) else replace(plan, bare=_plan(service.agency, bare))


def _plan_of_rule(catalogue: Catalogue, book: Book, policy_id: str) -> Plan:
    """One rule by itself, for a key as its counters have it: its conditions and scope are not asked."""
    one = book.of_policy(policy_id)
    if one is None or one.policy is None or one.rule is None:
        raise UnknownService(policy_id)
    agency = one.rule.agency
    if agency is None and (service := catalogue.services.get(one.rule.service or "")):
        agency = service.agency
    return _plan(agency, (one,))


def _plan(agency: str | None, candidates: tuple[Candidate, ...]) -> Plan:
    only = candidates[0] if len(candidates) == 1 else None
    policy = only.policy if only is not None else None
    policies = () if policy is None else (policy,)
    rule = None if only is None else only.id
    return Plan(agency, candidates, only, rule, policy, policies, "" if only is None else only.field)
