from __future__ import annotations

from typing import Any

import pytest

from temporal.errors import InjectionError
from temporal.sites import SITES, describe_site, describe_sites, find_site, find_sites


def test_a_site_survives_its_description() -> None:
    for site in SITES.values():
        assert find_site(describe_site(site)) == site
    assert find_site("svd_v2", gain=1.0).gain == 1.0


def test_several_sites_survive_their_description() -> None:
    sites = ["conv_in", SITES["svd_v1"], describe_site(SITES["sdxl"])]
    assert find_sites(describe_sites(sites)) == find_sites(sites)
    assert find_sites(sites) == (find_site("conv_in"), SITES["svd_v1"], SITES["sdxl"])
    assert find_sites("svd_v2") == (SITES["svd_v2"],)
    assert {site.gain for site in find_sites(sites, gain=0.5)} == {0.5}


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("conv_in", ("down_blocks.0", "before")),
        ("down_blocks.2", ("down_blocks.2", "after")),
        ("mid_block:before", ("mid_block", "before")),
        ("up_blocks.3:after", ("up_blocks.3", "after")),
    ],
)
def test_names_of_places(name: str, place: tuple[str, str]) -> None:
    site = find_site(name)
    assert (site.module, site.when) == place


@pytest.mark.parametrize(
    "value",
    ["nowhere", "conv_in:after", "down_blocks", {"module": "mid_block", "colour": 1}, []],
)
def test_unknown_sites_are_refused(value: Any) -> None:
    with pytest.raises(InjectionError):
        find_sites(value)


def test_behind_conv_in_is_refused() -> None:
    record = {**describe_site(SITES["sdxl"]), "module": "conv_in", "when": "after"}
    with pytest.raises(InjectionError, match="first skip"):
        find_site(record)
