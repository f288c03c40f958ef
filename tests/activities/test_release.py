"""`release` on hosts with real folders and links."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from activities.action import Context
from activities.release import Release
from activities.ssh import SshAction
from stanch.errors import ActionRefused, Unreachable
from stanch.language.plan import Json
from tests.activities.conftest import Beats
from tests.support.sshd import Farm

pytestmark = pytest.mark.xdist_group("ssh")

HOSTS = ["web1", "web2"]


class Apps:
    """An application on each host, in the same folder of this machine but for the host's name."""

    def __init__(self, farm: Farm) -> None:
        self.farm = farm

    def folder(self, host: str) -> Path:
        return self.farm[host].home / "shop"

    def install(self, host: str, *releases: str, current: str) -> None:
        """The releases, the oldest first."""
        shutil.rmtree(self.folder(host), ignore_errors=True)
        for at, name in enumerate(releases):
            (self.folder(host) / "releases" / name).mkdir(parents=True)
            os.utime(self.folder(host) / "releases" / name, (1_700_000_000 + at, 1_700_000_000 + at))
        (self.folder(host) / "current").symlink_to(current)
        if os.geteuid() == 0:
            subprocess.run(["chown", "-hR", self.farm.user, str(self.folder(host))], check=True, timeout=30)

    def current(self, host: str) -> str:
        return str((self.folder(host) / "current").readlink())


@pytest.fixture
def apps(farm: Farm) -> Apps:
    """Both on v42, after v41; web2 has v9 too."""
    apps = Apps(farm)
    apps.install("web1", "v41", "v42", current="releases/v42")
    apps.install("web2", "v9", "v41", "v42", current="releases/v42")
    return apps


@pytest.fixture
def release(ssh: SshAction) -> Release:
    return Release(ssh)


def told(farm: Farm, host: str = "web1", **more: Json) -> Json:
    return {"hosts": [host], "path": str(farm[host].home / "shop"), **more}


async def test_a_look_lists_the_releases_and_the_current_one(
    farm: Farm, apps: Apps, release: Release, beats: Beats
) -> None:
    beats.changes = False
    found = await release.perform(told(farm, "web2"), beats.context(one=True))
    assert (found["current"], found["previous"], found["changed"]) == ("v42", "v41", False)
    assert [each["name"] for each in found["releases"]] == ["v42", "v41", "v9"]
    assert found["releases"][0]["at"] == 1_700_000_002
    assert found["since"] == int((apps.folder("web2") / "current").lstat().st_mtime)


async def test_the_link_is_switched_and_goes_back_to_what_it_was(
    farm: Farm, apps: Apps, release: Release, beats: Beats
) -> None:
    change = told(farm, to="v41")
    before = await release.look(change, beats.context(one=True))
    assert not before.done
    assert before.back == {"to": None, "away_from": None, "restore": [{"host": "web1", "release": "v42"}]}
    result = await release.perform(change, beats.context(one=True))
    assert (result["current"], result["changed"]) == ("v41", True)
    assert apps.current("web1") == "releases/v41"
    assert (await release.look(change, beats.context(one=True))).done
    assert {file.name for file in apps.folder("web1").iterdir()} == {"releases", "current"}
    back = told(farm, restore=before.back["restore"])
    await release.perform(back, beats.context(one=True))
    assert apps.current("web1") == "releases/v42"
    assert (await release.look(back, beats.context(one=True))).done


async def test_leaving_a_release_twice_leaves_it_once(
    farm: Farm, apps: Apps, release: Release, beats: Beats
) -> None:
    change = told(farm, "web2", away_from="v42")
    await release.perform(change, beats.context(one=True))
    again = await release.perform(change, beats.context(one=True))
    assert (again["current"], again["changed"]) == ("v41", False)
    assert apps.current("web2") == "releases/v41"


async def test_hosts_may_differ_and_one_that_is_elsewhere_is_left_alone(
    farm: Farm, release: Release, beats: Beats
) -> None:
    apps = Apps(farm)
    apps.install("web1", "v40", "v42", current="releases/v42")
    apps.install("web2", "v40", "v41", "v42", current="releases/v40")
    one = await release.perform(told(farm, "web1", away_from="v42"), beats.context(one=True))
    two = await release.perform(told(farm, "web2", away_from="v42"), beats.context(one=True))
    assert (one["current"], two["current"], two["changed"]) == ("v40", "v40", False)


@pytest.mark.parametrize(
    ("releases", "current", "change", "why"),
    [
        (("v41", "v42"), "releases/v42", {"to": "v43"}, "`web1` has no `v43`, it has v41, v42"),
        (("v42",), "releases/v42", {"away_from": "v42"}, "no release before `v42` on `web1`"),
        (("v41", "v42"), "/opt/other", {"to": "v41"}, "leads to no release: `web1`: /opt/other"),
        (("v41",), "releases/v42", {"away_from": "v42"}, "no release before `v42`"),
    ],
)
async def test_what_cannot_be_is_refused_before_anything_is_touched(
    farm: Farm,
    release: Release,
    beats: Beats,
    releases: tuple[str, ...],
    current: str,
    change: Json,
    why: str,
) -> None:
    apps = Apps(farm)
    apps.install("web1", *releases, current=current)
    for ask in (release.look, release.perform):
        with pytest.raises(ActionRefused, match=f"{why}.*nothing was switched"):
            await ask(told(farm, **change), beats.context(one=True))
    assert apps.current("web1") == current


async def test_a_folder_in_place_of_the_link_is_refused(
    farm: Farm, apps: Apps, release: Release, one: Context
) -> None:
    (apps.folder("web1") / "current").unlink()
    (apps.folder("web1") / "current").mkdir()
    with pytest.raises(ActionRefused, match="is no link"):
        await release.perform(told(farm, to="v41"), one)


async def test_an_absolute_link_stays_one(farm: Farm, release: Release, one: Context) -> None:
    apps = Apps(farm)
    folder = apps.folder("web1")
    apps.install("web1", "v41", "v42", current=f"{folder}/releases/v42/")
    await release.perform(told(farm, to="v41"), one)
    assert (folder / "current").resolve() == (folder / "releases" / "v41").resolve()
    assert apps.current("web1").startswith(str(folder))


async def test_v9_is_before_v10_where_both_were_made_in_one_moment(
    farm: Farm, release: Release, beats: Beats
) -> None:
    apps = Apps(farm)
    apps.install("web1", "v9", "v10", current="releases/v10")
    for name in ("v9", "v10"):
        os.utime(apps.folder("web1") / "releases" / name, (1_700_000_000, 1_700_000_000))
    beats.changes = False
    assert (await release.perform(told(farm), beats.context(one=True)))["previous"] == "v9"


async def test_a_host_that_is_away_keeps_all_as_they_are(
    farm: Farm, apps: Apps, release: Release, beats: Beats
) -> None:
    change = {**told(farm, to="v41"), "hosts": HOSTS}
    farm["web2"].stop()
    try:
        with pytest.raises(Unreachable):
            await release.perform(change, beats.context(timeout=20))
    finally:
        farm["web2"].start()
    assert apps.current("web1") == "releases/v42"
