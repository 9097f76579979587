"""The page as its users see it, in a real browser."""

from __future__ import annotations

import http.client
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote
from urllib.request import Request, urlopen

import numpy as np
import pytest
from PIL import Image

from animate.page.shelf import plain
from pose.video import open_video
from tests.animate.page.conftest import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytest.importorskip("playwright")

from playwright.sync_api import expect

LONG = 120_000  # ms that a run may take on a busy machine
expect.set_options(timeout=60_000)  # whatever else is waited for


def give(page: Page, **files: Path) -> None:
    """Upload files by the elements' names, and wait until they have arrived."""
    for name, path in files.items():
        box = page.locator(f"#{name.replace('_', '-')}")
        with page.expect_response(re.compile("/upload")):
            box.locator("input[type=file]").set_input_files(path)
        expect(box).not_to_contain_text("Drop")


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def done(page: Page, tab: str) -> str:
    """Wait until the run has ended well; what it told."""
    expect(page.locator(f"#{tab}-bar")).to_contain_text("Done.", timeout=LONG)
    return page.locator(f"#{tab}-log textarea").input_value()


def shown(page: Page, name: str) -> tuple[int, int, float]:
    """Width, height and seconds of a video that the browser can play."""
    video = page.locator(f"#{name} video")
    expect(video).to_be_visible()
    page.wait_for_function(
        "video => video.readyState >= 2", arg=video.element_handle(), timeout=20_000
    )
    width, height, seconds = video.evaluate("v => [v.videoWidth, v.videoHeight, v.duration]")
    return width, height, seconds


def test_the_hero_dances(page: Page, served: Served, dance: Path, hero: Path) -> None:
    give(page, video_driving=dance, video_ref=hero)
    page.get_by_label("Frames, at most").first.fill("6")
    page.locator("#animate-start").click()
    told = done(page, "animate")
    assert "Model mini" in told
    assert "Verdict: " in told
    assert shown(page, "video-result") == (128, 192, pytest.approx(6 / 24, abs=0.01))
    made = served.results / "dance_hero.mp4"
    assert len(open_video(made)) == 6
    names = page.locator("#video-files").inner_text().replace("\n", "")
    for name in ("dance_hero.mp4", "dance_hero_compare.mp4", "dance_hero.npz"):
        assert name in names
        assert (served.results / name).stat().st_size
    command = page.get_by_text("animate dance.mp4 --ref=hero.png --frames=6")
    expect(command).to_be_visible()


def test_the_page_makes_what_the_command_makes(
    page: Page, served: Served, one_frame: Path, hero: Path
) -> None:
    from animate import animate

    give(page, video_driving=one_frame, video_ref=hero)
    page.get_by_role("button", name="More settings").first.click()
    page.get_by_label("Judge the result").uncheck()
    page.get_by_label("Seed").first.fill("3")
    page.locator("#animate-start").click()
    done(page, "animate")
    expected = animate(one_frame, hero, seed=3, device="cpu").frames
    made = np.stack(list(open_video(served.results / "one_hero.mp4")))
    # Only the encoder lies between: H.264 at this size changes a few grey levels.
    assert np.abs(made.astype(int) - expected).mean() < 3


def test_a_stopped_run_leaves_no_file_and_goes_on(
    page: Page, served: Served, three_frames: Path, hero: Path
) -> None:
    give(page, video_driving=three_frames, video_ref=hero)
    page.get_by_role("button", name="More settings").first.click()
    page.get_by_label("Judge the result").uncheck()
    page.get_by_label("Steps").first.fill("30")
    start, stop = page.locator("#animate-start"), page.locator("#animate-stop")
    start.click()
    expect(page.locator("#animate-bar")).to_contain_text(re.compile("Denoising: [1-9]"))
    expect(start).to_be_disabled()
    stop.click()
    expect(page.locator("#animate-bar")).to_contain_text("Stopped.", timeout=LONG)
    expect(stop).to_be_disabled()
    assert [path for path in served.results.glob("three_hero*") if path.is_file()] == []
    start.click()
    assert re.search("Denoising goes on after step [1-9]", done(page, "animate"))
    assert (served.results / "three_hero.mp4").exists()


def test_who_leaves_makes_room_for_the_next(
    browser: Browser, page: Page, served: Served, dance: Path, hero: Path
) -> None:
    other = browser.new_context()
    gone = other.new_page()
    gone.goto(served.url)
    gone.wait_for_selector("#animate-start")
    give(gone, video_driving=dance, video_ref=hero)
    gone.get_by_label("Seed").first.fill("78")
    gone.locator("#animate-start").click()
    expect(gone.locator("#animate-bar")).to_contain_text(re.compile("Tracking|Loading|Denoising"))
    open_tab(page, "Control maps")
    give(page, maps_source=hero)
    page.locator("#maps-start").click()
    expect(page.locator("#maps-bar")).to_contain_text("Waiting for another run to end")
    other.close()
    done(page, "maps")
    films = served.results.glob("dance_hero*.mp4")
    assert all(len(open_video(film)) < 96 for film in films)


def test_what_is_wrong_is_told_in_one_line(page: Page, tmp_path: Path, hero: Path) -> None:
    page.locator("#animate-start").click()
    alert = page.locator("#animate-bar [role=alert]")
    expect(alert).to_have_text("nothing to work on: give a driving video first")
    broken = tmp_path / "broken <b>film.mp4"
    broken.write_bytes(b"no film at all" * 100)
    give(page, video_driving=broken, video_ref=hero)
    page.locator("#animate-start").click()
    expect(alert).to_contain_text("broken")
    expect(alert).not_to_contain_text("animate-page-")  # the server's folders
    expect(page.locator("#animate-start")).to_be_enabled()


def test_a_damaged_picture_is_told(page: Page, tmp_path: Path, one_frame: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture at all")
    give(page, video_driving=one_frame, video_ref=tmp_path / "broken.png")
    page.locator("#animate-start").click()
    alert = page.locator("#animate-bar [role=alert]")
    expect(alert).to_contain_text(re.compile("^broken.png"))


def test_a_setting_that_makes_no_sense_is_told(page: Page, one_frame: Path, hero: Path) -> None:
    give(page, video_driving=one_frame, video_ref=hero)
    page.get_by_label("Size").first.fill("large")
    page.locator("#animate-start").click()
    alert = page.locator("#animate-bar [role=alert]")
    expect(alert).to_have_text("size: expected WIDTHxHEIGHT such as 576x1024, got 'large'")


def test_poses_are_found_and_shown(page: Page, served: Served, three_frames: Path) -> None:
    open_tab(page, "Poses")
    give(page, poses_driving=three_frames)
    page.locator("#poses-start").click()
    assert "Verdict: " in done(page, "poses")
    assert shown(page, "poses-overlay")[:2] == (576, 864)
    assert (served.results / "three_pose.npz").exists()


def test_a_picture_follows_its_control(page: Page, served: Served, hero: Path) -> None:
    open_tab(page, "Picture")
    give(page, stills_control=hero)
    page.locator("#stills-prompt textarea").fill("a man in a red shirt")
    page.locator("#picture-start").click()
    told = done(page, "picture")
    assert "Control by controlnext: pose" in told
    expect(page.locator("#stills-gallery img")).to_have_count(2)
    made = np.asarray(Image.open(served.results / "hero_pose_1.png"))
    assert made.std() > 10


def test_a_picture_is_enlarged(page: Page, served: Served, tmp_path: Path) -> None:
    Image.new("RGB", (40, 24), "red").save(tmp_path / "red.png")
    open_tab(page, "Enlarge")
    give(page, enlarge_source=tmp_path / "red.png")
    page.locator("#enlarge-start").click()
    done(page, "enlarge")
    assert Image.open(served.results / "red_large.png").size == (160, 96)


def test_a_result_is_judged(page: Page, one_frame: Path, hero: Path) -> None:
    open_tab(page, "Judge")
    give(page, judge_result=one_frame, judge_driving=one_frame, judge_ref=hero)
    page.locator("#judge-start").click()
    assert "Motion: 1.00 of the body's joints are right" in done(page, "judge")
    expect(page.locator("#judge-figures")).to_contain_text("verdict")


def test_only_what_the_page_has_shown_can_be_fetched(served: Served, hero: Path) -> None:
    served.results.mkdir(exist_ok=True)
    kept = served.results / "somebody else's.png"
    kept.write_bytes(hero.read_bytes())
    for path in (kept, Path("/etc/hostname"), Path("results") / kept.name):
        connection = http.client.HTTPConnection(served.url.split("/")[2], timeout=20)
        connection.request("GET", f"/gradio_api/file={quote(str(path))}")
        assert connection.getresponse().status in (403, 404), path
        connection.close()


def ask(url: str, body: bytes, kind: str) -> object:
    """What the server answers to a POST."""
    with urlopen(Request(url, body, {"Content-Type": kind}), timeout=20) as answer:
        return json.load(answer)


def send(served: Served, path: Path) -> str:
    """Upload a file as the browser does; where the server keeps it."""
    head = f'Content-Disposition: form-data; name="files"; filename="{path.name}"\r\n\r\n'
    body = b"--end\r\n" + head.encode() + path.read_bytes() + b"\r\n--end--\r\n"
    kept = ask(f"{served.url}gradio_api/upload", body, "multipart/form-data; boundary=end")
    assert isinstance(kept, list)
    return str(kept[0])


@pytest.mark.parametrize("sent", [True, False])
def test_only_what_was_sent_can_be_worked_on(served: Served, hero: Path, sent: bool) -> None:
    served.results.mkdir(exist_ok=True)
    kept = served.results / "a stranger's.png"
    kept.write_bytes(hero.read_bytes())
    with urlopen(f"{served.url}config", timeout=20) as answer:
        config = json.load(answer)
    button = next(
        one["id"] for one in config["components"] if one["props"].get("elem_id") == "maps-start"
    )
    index = next(one["id"] for one in config["dependencies"] if [button, "click"] in one["targets"])
    path = send(served, hero) if sent else str(kept)
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    user = f"stranger {sent}"
    body = {"data": [file, "canny", "openpose"], "fn_index": index, "session_hash": user}
    ask(f"{served.url}gradio_api/queue/join", json.dumps(body).encode(), "application/json")
    told = f"{served.url}gradio_api/queue/data?session_hash={quote(user)}"
    with urlopen(told, timeout=60) as answer:
        ended = next(line for line in answer if b"process_completed" in line)
    assert json.loads(ended.removeprefix(b"data: "))["success"] is sent
    assert not list(served.results.glob(f"{plain(kept.stem)}_canny*"))
