from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidOrder
from domain.job import Kind
from domain.order import (
    CUT_NOTE,
    MAX_TEXT,
    Country,
    clean_text,
    has_result,
    horse_data,
    read_horse,
    restored,
)
from tests.builders import horse, order
from tests.integration.ledger.examples import make_answer


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rasse", ""),
        ("rasse", None),
        ("rasse", {"$ne": 1}),
        ("alter", ""),
        ("alter", 51),
        ("geschlecht", "  "),
        ("stockmass", 0),
        ("stockmass", "groß"),
        ("haupteignung", ""),
        ("ausbildung", None),
        ("land", "FR"),
        ("land", ["DE"]),
    ],
)
def test_an_order_that_cannot_be_valued_names_the_field(field: str, value: object) -> None:
    """The reason carries the site's own field name, so that the owner finds it."""
    with pytest.raises(InvalidOrder) as caught:
        read_horse(order(**{field: value}))

    assert field == caught.value.field


@pytest.mark.parametrize("field", ["rasse", "alter", "geschlecht", "stockmass", "ausbildung"])
def test_a_missing_required_field_is_named(field: str) -> None:
    """Missing is not different from blank."""
    raw = order()
    del raw[field]

    with pytest.raises(InvalidOrder) as caught:
        read_horse(raw)

    assert field == caught.value.field


def test_unknown_fields_are_ignored() -> None:
    """One extra key once made all Austrian orders hang."""
    extra = {"user_country": "AT", "payment_id": "x", "farbe": "Fuchs", "neu": {"tief": [1]}}

    assert horse(**extra) == horse()


def test_only_the_sites_own_names_count() -> None:
    """A field that happens to carry one of our English names is an unknown field."""
    assert horse(country="FR", location="geheim", breed="Pony", remarks="x") == horse()


def test_the_old_name_of_the_discipline_still_counts() -> None:
    """`verwendungszweck` is the predecessor of `haupteignung`, nothing else may fill it."""
    raw = order(verwendungszweck="Springen")
    del raw["haupteignung"]

    assert read_horse(raw).discipline == "Springen"


@pytest.mark.parametrize(
    ("land", "country"),
    [
        ("DE", Country.DE),
        ("at", Country.AT),
        (" CH ", Country.CH),
        ("Österreich", Country.AT),
        ("", Country.DE),
        (None, Country.DE),
    ],
)
def test_the_market_is_named_in_full(land: object, country: Country) -> None:
    """Documents without a country are from the German shop's time."""
    assert country == horse(land=land).country


def test_text_is_unaltered_but_for_control_and_bidi_characters() -> None:
    """Quotes, markup and line breaks are the customer's own."""
    typed = '  "Ein \u202eLied\u202c" <b>&amp;\x00\n2. Zeile\u2066!\u2069  '

    assert clean_text(typed) == '"Ein Lied" <b>&amp;\n2. Zeile!'


def test_very_long_text_is_cut_with_a_note() -> None:
    """The model is told that something is missing."""
    text = clean_text("ä" * (MAX_TEXT + 1))

    assert text == "ä" * MAX_TEXT + CUT_NOTE


@given(
    st.dictionaries(
        st.sampled_from([*order(), "fremd"]),
        st.one_of(
            st.none(), st.booleans(), st.floats(), st.text(), st.lists(st.integers()), st.integers()
        ),
    )
)
def test_no_stored_document_breaks_the_reader(changes: dict[str, Any]) -> None:
    """Whatever is stored is a horse or an InvalidOrder that names a field of the site."""
    fault = fault_of(order() | changes)

    assert fault is None or fault.field in order()


def fault_of(raw: dict[str, Any]) -> InvalidOrder | None:
    try:
        read_horse(raw)
    except InvalidOrder as error:
        return error
    return None


@pytest.mark.parametrize(
    ("kind", "document", "expected"),
    [
        (Kind.VALUATION, {}, False),
        (Kind.VALUATION, {"bewertung": None}, False),
        (Kind.VALUATION, {"bewertung": " \n"}, False),
        (Kind.VALUATION, {"bewertung": "### Zusammenfassung"}, True),
        (Kind.CERTIFICATE, {"zertifikat_data": {}}, False),
        (Kind.CERTIFICATE, {"zertifikat_data": {"preisVon": 1}}, True),
    ],
)
def test_a_blank_result_is_none(kind: Kind, document: dict[str, Any], *, expected: bool) -> None:
    """The site takes a blank space for a result; we do not."""
    assert expected is has_result(kind, document)


def test_the_record_of_a_horse_holds_no_free_text_about_people() -> None:
    """Place, character and remarks stay out of ai_requests."""
    secret = "geheim"
    data = horse_data(horse(standort=secret, charakter=secret, besonderheiten=secret, aku=secret))

    assert secret not in str(data)


def test_words_come_back_from_the_order() -> None:
    """An answer that has its own keeps them; an order without a result gives none."""
    own, bare = make_answer(), make_answer(text="")
    certificate = make_answer(Kind.CERTIFICATE, text="", certificate=None)

    assert restored(own, Kind.VALUATION, {"bewertung": "another"}) == own
    assert restored(bare, Kind.VALUATION, {"bewertung": "### Alt"}).text == "### Alt"
    assert restored(bare, Kind.VALUATION, {"bewertung": " "}) == bare
    data = {"preisVon": 1}
    assert restored(certificate, Kind.CERTIFICATE, {"zertifikat_data": data}).certificate == data
