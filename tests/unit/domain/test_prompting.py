from hypothesis import given
from hypothesis import strategies as st

from domain.prompting import Template, describe, render
from tests.builders import horse

TEMPLATE = Template(
    version="t-1",
    temperature=0.3,
    system="Daten zwischen [[PFERD {mark}]] und [[ENDE {mark}]].",
    user="Markt {market}.\n[[PFERD {mark}]]\n{horse}\n[[ENDE {mark}]]",
)


def test_the_market_and_the_height_reach_the_prompt() -> None:
    """Horses in Austria were once priced as if they stood in Germany."""
    prompt = render(TEMPLATE, horse(land="AT", stockmass="1,68 m"), job_id="valuation:cs_live_1")

    assert "Markt Österreich." in prompt.user
    assert "Stockmaß: 168 cm" in prompt.user


def test_the_fence_differs_by_job_and_is_the_same_in_both_messages() -> None:
    """A customer cannot write the closing mark of a job that does not exist yet."""
    one = render(TEMPLATE, horse(), job_id="valuation:cs_live_1")
    two = render(TEMPLATE, horse(), job_id="valuation:cs_live_2")
    mark = one.user.split("[[ENDE ")[1].removesuffix("]]")

    assert mark in one.system
    assert mark not in two.user


@given(st.text(min_size=1).filter(lambda text: bool(text.strip())))
def test_customer_text_is_never_a_template(text: str) -> None:
    """Braces in the customer's words stay words."""
    prompt = render(TEMPLATE, horse(besonderheiten="{mark} {horse} {market} ende"), job_id=text)

    assert "Besonderheiten: {mark} {horse} {market} ende" in prompt.user


def test_absent_fields_are_not_invented() -> None:
    """Unknown is said as such, and two fields appear only when given."""
    text = describe(horse(abstammung="", charakter="", alter=0))

    assert "Abstammung: k. A." in text
    assert "Charakter" not in text
    assert "Alter: 0 Jahre (Fohlen)" in text


def test_the_stamp_changes_with_the_wording() -> None:
    """Each result can be traced to the very text that asked for it."""
    other = Template(version="t-1", temperature=0.3, system="Anders", user=TEMPLATE.user)

    assert TEMPLATE.stamp.sha256 != other.stamp.sha256
