import re
import unicodedata
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from flexecutor_energy.hardware import find_cpu, normalise, shipped_catalogue
from flexecutor_energy.hardware.names import is_model

models = st.sampled_from(
    [
        row.name
        for row in shipped_catalogue().all()
        if is_model(normalise(row.name)) and row.tdp_w is not None
    ]
)
kernel_names = st.text(
    alphabet=st.sampled_from("abexEPYCXeonIntlAMD(R)TMtm®0123456789-+ v@.,/GHz\t"), max_size=60
)


@given(kernel_names | st.text(max_size=40))
def test_normalising_twice_changes_nothing_more(name: str) -> None:
    assert normalise(normalise(name)) == normalise(name)


@given(kernel_names | st.text(max_size=40))
def test_normalising_makes_no_words_with_numbers(name: str) -> None:
    """Searches rely on it: they look only at rows that hold the longest such word of a name."""
    for word in re.findall(r"[^\W_]*\d[^\W_]*", normalise(name)):
        assert word in unicodedata.normalize("NFKC", name.lower())


@given(models)
def test_every_model_of_the_table_finds_itself(name: str) -> None:
    found = find_cpu(name)
    assert found is not None
    assert normalise(found.name) == normalise(name)


@given(
    models,
    st.sampled_from(["", " CPU", " Processor"]),
    st.sampled_from(["", " @ 2.50GHz", "  @ 3.00 GHz", " @ 800MHz"]),
    st.sampled_from([str.lower, str.upper, str.title]),
    st.integers(1, 3),
)
def test_decoration_never_changes_what_is_found(
    name: str, kind: str, clock: str, case: Callable[[str], str], spaces: int
) -> None:
    decorated = case(f" {name}{kind}{clock} ".replace(" ", " " * spaces))
    assert find_cpu(decorated) == find_cpu(name)


@settings(max_examples=300)
@given(models, st.data())
def test_a_shortened_name_is_only_found_if_it_is_itself_a_model(
    name: str, data: st.DataObject
) -> None:
    shorter = name[: data.draw(st.integers(0, len(name) - 1))]
    found = find_cpu(shorter)
    assert found is None or normalise(found.name) == normalise(shorter)


@given(models, st.sampled_from(["X", "9", "-Q", " Ultra", " v9"]))
def test_a_longer_name_is_only_found_if_it_is_itself_a_model(name: str, more: str) -> None:
    found = find_cpu(name + more)
    assert found is None or normalise(found.name) == normalise(name + more)


@given(kernel_names)
def test_no_text_breaks_the_search(name: str) -> None:
    found = find_cpu(name)
    assert found is None or normalise(found.name) == normalise(name)
