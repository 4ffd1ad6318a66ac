"""Certificates and proxies: kubeconfig users of every shape are read, and what is the matter with one is a sentence."""

import datetime
import ssl

import pytest

from emulators import free_port
from fronts import Authority, ForwardProxy, Tls
from platform_sim import at_our_time
from programs_desk import Desk, Program, assert_aws_is_live, assert_drawn, failed, only, plugin
from test_faults import pictures, watched
from topology import outlasting, qd


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    with at_our_time(tmp_path_factory.mktemp("ways") / "sim", "calm", "--regions", "1", "--pods", "60") as platform:
        yield platform


@pytest.fixture
def desk(platform, tmp_path):
    return Desk(tmp_path / "desk", platform)


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def server(platform, authority):
    with Tls(platform.ready["kubernetes"][0], authority) as server:
        yield server


def by(desk, server, authority, pair) -> None:
    cert, key = pair
    user = {"client-certificate": str(cert), "client-key": str(key), "token": desk.token}
    desk.signs_in(user, server.url, **{"certificate-authority": str(authority.file)})


def alone(picture) -> dict:
    """The one source that failed, the cluster's; AWS is live."""
    assert picture.code == 3
    assert_aws_is_live(picture)
    source = only(picture)
    assert source["error"].strip().endswith("."), source
    return source


def test_a_client_certificate_lets_in(desk, server, authority):
    by(desk, server, authority, authority.pair("on-call"))
    picture = desk.read()
    assert_drawn(picture)
    assert server.names == {"on-call"} and picture.document["identity"]["certificates"] == []


def test_a_program_gives_a_certificate(desk, server, authority, tmp_path):
    program = Program(tmp_path / "bin")
    cert, key = authority.pair("by-program")
    program.answers(token=desk.token, clientCertificateData=cert.read_text(), clientKeyData=key.read_text())
    desk.signs_in(plugin(program), server.url, **{"certificate-authority": str(authority.file)})
    desk.approve_all()
    assert_drawn(desk.read())
    assert server.names == {"by-program"} and program.runs() == 1


def test_a_certificate_that_has_ended_is_told_with_its_date_and_a_new_one_is_taken_up(desk, server, authority):
    by(desk, server, authority, authority.pair("old", days=-1))
    day = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    source = alone(desk.read())
    assert f"ended on {day.day} {day:%B %Y}" in source["error"] and "client certificate" in source["error"], source
    with watched(desk.stack, desk.state) as lines:
        steps = pictures(lines, within=90)
        for identity, _, _ in steps:
            if identity["certificates"]:
                break
        assert [c["state"] for c in identity["certificates"]] == ["expired"]
        by(desk, server, authority, authority.pair("new"))
        for identity, sources, nodes in steps:
            if any(n["kind"] == "pod" for n in nodes.values()) and not identity["certificates"]:
                break
    assert server.names == {"new"}


def test_a_certificate_that_ends_within_a_day_is_told_while_it_lets_in(desk, server, authority):
    by(desk, server, authority, authority.pair("soon", days=0.5))
    picture = desk.read()
    assert_drawn(picture)
    (told,) = picture.document["identity"]["certificates"]
    assert told["state"] == "expiring" and told["used_as"] == "client" and "reading goes on by itself" in told["next_step"], told
    status = qd("status", "--stack", str(desk.stack), state=desk.state)
    assert "EXPIRING" in status.stdout and "ends on" in status.stdout, status.stdout


def test_an_authority_that_has_ended_is_told_and_nobody_is_shut_out(desk, platform, tmp_path):
    """TLS takes a trust anchor whatever its validity says (RFC 5280, 6.1)."""
    (tmp_path / "old").mkdir()
    old = Authority(tmp_path / "old", days=-2)
    with Tls(platform.ready["kubernetes"][0], old) as server:
        server.context.verify_mode = ssl.CERT_NONE
        desk.signs_in({"token": desk.token}, server.url, **{"certificate-authority": str(old.file)})
        picture = desk.read()
    assert_drawn(picture)
    (told,) = picture.document["identity"]["certificates"]
    assert told["state"] == "expired" and told["used_as"] == "authority" and "ended on" in told["sentence"], told


def test_a_certificate_that_ends_while_it_is_used_is_told_and_a_new_one_is_taken_up(desk, server, authority):
    by(desk, server, authority, authority.pair("long"))
    picture, lives = outlasting(desk.read, 10)
    assert_drawn(picture)
    server.names.clear()
    by(desk, server, authority, authority.pair("short", days=lives / 86400))
    with watched(desk.stack, desk.state) as lines:
        steps = pictures(lines, within=120 + lives)
        for identity, sources, nodes in steps:
            if any(n["kind"] == "pod" for n in nodes.values()):
                break
        assert server.names == {"short"}
        for identity, _, _ in steps:
            if [c["state"] for c in identity["certificates"]] == ["expired"]:
                break
        by(desk, server, authority, authority.pair("next"))
        # What is asked from now on is asked with the new one.
        server.cut()
        for identity, _, _ in steps:
            if "next" in server.names and not identity["certificates"]:
                break


def broken(desk, server, authority, tmp_path):
    """Each is (what is written, words of the sentence)."""
    (cert, key), (_, other) = authority.pair("on-call"), authority.pair("somebody")
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("not a certificate\n")
    return {
        "another key": ((cert, other), "does not belong to"),
        "no file": ((tmp_path / "nowhere.pem", key), "nowhere.pem"),
        "no pem": ((wrong, key), "no certificate in it"),
    }


@pytest.mark.parametrize("what", ["another key", "no file", "no pem"])
def test_certificates_that_cannot_be_used_are_told(desk, server, authority, tmp_path, what):
    pair, words = broken(desk, server, authority, tmp_path)[what]
    by(desk, server, authority, pair)
    source = alone(desk.read())
    assert words in source["error"] and desk.context in source["error"], source
    assert source["failure"]["next_step"].endswith("by itself."), source


def test_a_cluster_is_reached_through_the_proxy_of_its_kubeconfig(desk, platform):
    with ForwardProxy({"cluster.example": platform.ready["kubernetes"][0]}) as proxy:
        desk.signs_in({"token": desk.token}, "http://cluster.example:6443", **{"proxy-url": proxy.url})
        # NO_PROXY is about the proxy of the environment.
        assert_drawn(desk.read(env={"NO_PROXY": "cluster.example"}))
        assert set(proxy.asked) == {("CONNECT", "cluster.example")}


def through_aws(desk, platform) -> None:
    config = desk.folder / "aws/config"
    config.write_text(config.read_text().replace(platform.aws, "http://aws.example:4566"))


def test_both_sides_are_reached_through_the_proxy_of_the_environment(desk, platform):
    hosts = {"cluster.example": platform.ready["kubernetes"][0], "aws.example": platform.aws}
    with ForwardProxy(hosts) as proxy:
        desk.signs_in({"token": desk.token}, "http://cluster.example:6443")
        through_aws(desk, platform)
        assert_drawn(desk.read(env={"HTTP_PROXY": proxy.url}))
        assert {host for _, host in proxy.asked} == set(hosts)


def test_tls_goes_through_the_proxy_of_the_environment_unless_it_says_otherwise(desk, server, authority):
    cert, key = authority.pair("on-call")
    user = {"client-certificate": str(cert), "client-key": str(key), "token": desk.token}
    tls = {"certificate-authority": str(authority.file), "tls-server-name": "localhost"}
    with ForwardProxy({"cluster.example": server.url}) as proxy:
        desk.signs_in(user, "https://cluster.example:6443", **tls)
        assert_drawn(desk.read(env={"HTTPS_PROXY": proxy.url}))
        assert set(proxy.asked) == {("CONNECT", "cluster.example")} and server.names == {"on-call"}
        proxy.asked.clear()
        picture = desk.read(timeout=15, env={"HTTPS_PROXY": proxy.url, "NO_PROXY": "10.0.0.0/8,.example"})
        assert picture.code == 3 and proxy.asked == []
        assert all(proxy.url not in source["error"] for source in failed(picture))


def test_this_machine_is_never_reached_through_a_proxy(desk, platform):
    with ForwardProxy({}) as proxy:
        desk.signs_in({"token": desk.token}, platform.ready["kubernetes"][0], **{"proxy-url": proxy.url})
        assert_drawn(desk.read(env={"HTTP_PROXY": proxy.url, "HTTPS_PROXY": proxy.url, "ALL_PROXY": proxy.url}))
        assert proxy.asked == []


@pytest.mark.parametrize("how", ["refuses", "silent", "is not there"])
def test_a_proxy_that_does_not_let_through_is_named(desk, platform, how):
    hosts = {"cluster.example": platform.ready["kubernetes"][0], "aws.example": platform.aws}
    with ForwardProxy(hosts, how) as proxy:
        url = f"http://127.0.0.1:{free_port()}" if how == "is not there" else proxy.url
        with_password = url.replace("http://", "http://me:hush-hush@")
        desk.signs_in({"token": desk.token}, "http://cluster.example:6443", **{"proxy-url": with_password})
        picture = desk.read(timeout=25)
        assert picture.code == 3 and "hush-hush" not in desk.said
        assert_aws_is_live(picture)
        for source in failed(picture):
            assert url in source["error"] and url in source["failure"]["next_step"], source


def test_a_proxy_that_aws_is_not_reached_through_is_named(desk, platform):
    url = f"http://127.0.0.1:{free_port()}"
    desk.signs_in({"token": desk.token}, platform.ready["kubernetes"][0])
    through_aws(desk, platform)
    picture = desk.read(timeout=25, env={"HTTP_PROXY": url})
    sts = next(s for s in picture.document["sources"] if s["service"] == "sts")
    assert url in sts["error"] and url in sts["failure"]["next_step"], sts
    assert picture.of("pod"), "the cluster is not live"
