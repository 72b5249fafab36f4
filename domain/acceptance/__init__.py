"""Is this answer a product? A pure function of kind, horse and text."""

from domain.acceptance.certificate import Certificate, certificate_schema, judge_certificate
from domain.acceptance.valuation import judge_valuation
from domain.acceptance.verdict import Accepted, Rejected, Verdict
from domain.job import Kind
from domain.order import Horse

__all__ = ["Accepted", "Certificate", "Rejected", "Verdict", "certificate_schema", "judge"]


def judge(kind: Kind, horse: Horse, text: str) -> Verdict:
    """Decide whether a model's answer is sold to a customer; never raises for any text."""
    if kind is Kind.CERTIFICATE:
        return judge_certificate(horse, text)
    return judge_valuation(horse, text)
