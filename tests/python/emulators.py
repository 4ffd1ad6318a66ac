"""Third-party AWS emulators on loopback, and stack files that point at them."""

import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(url: str, process: subprocess.Popen, seconds: float = 60) -> None:
    """Waits until somebody answers HTTP at url, whatever the status."""
    deadline = time.monotonic() + seconds
    while True:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended with {process.returncode} before it answered")
        try:
            urllib.request.urlopen(url, timeout=2)
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{url} did not answer within {seconds} s") from None
            time.sleep(0.05)


@contextlib.contextmanager
def serving(command: list[str], url: str, env: dict[str, str] | None = None):
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **(env or {})}
    )
    try:
        wait_for(url, process)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def moto(account: str = "123456789012"):
    port = free_port()
    script = pathlib.Path(sys.executable).with_name("moto_server")
    env = {"MOTO_ACCOUNT_ID": account}
    return serving([str(script), "-H", "127.0.0.1", "-p", str(port)], f"http://127.0.0.1:{port}", env)


def ministack():
    port = free_port()
    script = pathlib.Path(sys.executable).with_name("ministack")
    env = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "MINISTACK_PORT": str(port), "PORT": str(port)}
    return serving([str(script)], f"http://127.0.0.1:{port}", env)


def stack_file(folder: pathlib.Path, endpoint: str, regions: list[str], extra: str = "") -> pathlib.Path:
    """A stack file whose one profile speaks to endpoint."""
    aws = folder / "aws"
    aws.mkdir(parents=True, exist_ok=True)
    (aws / "config").write_text(f"[profile emulated]\nregion = {regions[0]}\nendpoint_url = {endpoint}\n")
    (aws / "credentials").write_text("[emulated]\naws_access_key_id = test\naws_secret_access_key = test\n")
    listed = ", ".join(f'"{region}"' for region in regions)
    stack = folder / "quarterdeck.toml"
    stack.write_text(
        'name = "Emulated"\nenvironment = "dev"\n\n'
        f'[[account]]\nprofile = "emulated"\nregions = [{listed}]\n\n'
        '[files]\naws_config = "aws/config"\naws_credentials = "aws/credentials"\n' + extra
    )
    return stack
