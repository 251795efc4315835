"""Images made where no registry is: Debian's own packages as a base, and stand-ins under any name.

The base is bootstrapped once into the cache and imported into every engine that lacks it. A stand-in is one
image under as many names as a test needs: a server that listens where the real one would (see `stand_in/`).
"""

import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path

import docker
from docker.errors import ImageNotFound
from docker_engine import LackingError, allowed, install, one_at_a_time

from opea_pulumi.home import cache

BASE = "opea-test/base:bookworm"
LABEL = "opea.test.image"
"""Every image made here has it: `docker image prune --all --filter label=opea.test.image` removes them."""

NAME = "opea.test.name"
"""The label that tells which of the names of `stand_ins` an image has."""

_PACKAGES = ("python3", "python3-pip", "python-is-python3", "curl", "wget", "ca-certificates")
_USELESS = (
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log",
    "usr/share/doc",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/man",
    "usr/share/zoneinfo",
    "usr/include",
)
_SOURCE = Path(__file__).parent / "stand_in"


def base(engine: docker.DockerClient) -> str:
    """The base image's name; imported, and bootstrapped before, where it is missing. Raises LackingError."""
    try:
        known = engine.images.get(BASE)
        if known.labels.get(LABEL) == _base_version():
            return BASE
    except ImageNotFound:
        pass
    with one_at_a_time("docker-base"):
        archive = cache() / "docker" / f"base-{_base_version()}.tar"
        if not archive.exists():
            _bootstrap(archive)
        changes = [f"LABEL {LABEL}={_base_version()}", f"ENV PATH={_PATH}", 'CMD ["bash"]']
        repository, _, tag = BASE.partition(":")
        answer = engine.api.import_image(str(archive), repository, tag, changes=changes)
        if "error" in answer:
            raise LackingError(f"the engine refuses the base image: {answer}")
    return BASE


_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def stand_in(engine: docker.DockerClient, *names: str, ports: Iterable[int] | None = None) -> str:
    """Make a stand-in and tag it with all names; its id.

    It listens on `ports`; without, on every port that services of the catalogue have, and always on what
    `--port` says. Names that exist already are moved.
    """
    image = _built(engine, None if ports is None else sorted(set(ports)))
    for name in names:
        if not image.tag(*_split(name)):
            raise LackingError(f"the engine does not tag {name}")
    return str(image.id)


def stand_ins(
    engine: docker.DockerClient, names: Iterable[str], *, ports: Iterable[int] | None = None
) -> None:
    """Make a stand-in for each name, each an image of its own, which its label `NAME` tells."""
    first = stand_in(engine, ports=ports)
    for name in names:
        lines = [f"FROM {first}", f'LABEL {NAME}="{name}"']
        engine.images.build(fileobj=io.BytesIO("\n".join(lines).encode()), tag=name, rm=True)


HUB_CLIENT = "huggingface_hub==0.17.3"
"""What the image of the prefetch step has (huggingface/downloader:0.17.3)."""
_HUB_FILE = f"""\
FROM {BASE}
COPY . /opt/hub/
RUN chmod -R a+rX /opt/hub && chmod 755 /opt/hub/huggingface-cli \\
    && ln -s /opt/hub/huggingface-cli /usr/local/bin/huggingface-cli
ENV PYTHONPATH=/opt/hub/packages
"""
_HUB_CLI = """\
#!/usr/bin/python3
from huggingface_hub.commands.huggingface_cli import main
main()
"""


def hub_client(engine: docker.DockerClient, *names: str) -> str:
    """Make an image with the hub's real client, of PyPI's wheels, and tag it with all names; its id."""
    name = f"opea-test/hub-client:{HUB_CLIENT.rpartition('=')[2]}"
    try:
        image = engine.images.get(name)
    except ImageNotFound:
        base(engine)
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            wanted = ["--only-binary=:all:", "--python-version", "3.11", "--target", str(root / "packages")]
            pip = [sys.executable, "-m", "pip", "install", "--quiet", *wanted, HUB_CLIENT]
            subprocess.run(pip, check=True, timeout=300)
            (root / "huggingface-cli").write_text(_HUB_CLI)
            (root / "Dockerfile").write_text(_HUB_FILE)
            image, _ = engine.images.build(path=folder, tag=name, labels={LABEL: name}, rm=True)
    for other in names:
        image.tag(*_split(other))
    return str(image.id)


def _split(name: str) -> tuple[str, str]:
    repository, _, tag = name.rpartition(":")
    return (repository, tag) if repository and "/" not in tag else (name, "latest")


def _built(engine: docker.DockerClient, ports: list[int] | None) -> docker.models.images.Image:
    files = {path.name: path.read_bytes() for path in sorted(_SOURCE.iterdir()) if path.is_file()}
    if ports is not None:
        files["ports.json"] = json.dumps(ports).encode()
    digest = hashlib.sha256(_base_version().encode())
    for name, content in sorted(files.items()):
        digest.update(name.encode() + content)
    name = f"opea-test/stand-in:{digest.hexdigest()[:12]}"
    try:
        return engine.images.get(name)
    except ImageNotFound:
        base(engine)
        image, _ = engine.images.build(
            fileobj=_context(files), custom_context=True, tag=name, labels={LABEL: name}, rm=True
        )
        return image


def _context(files: dict[str, bytes]) -> io.BytesIO:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
    packed.seek(0)
    return packed


def _base_version() -> str:
    return hashlib.sha256(f"bookworm 1 {_PACKAGES} {_USELESS}".encode()).hexdigest()[:12]


def _bootstrap(archive: Path) -> None:
    allowed(f"there is no base image for tests in {archive}")
    if not shutil.which("debootstrap"):
        install("debootstrap")
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=archive.parent, prefix="base-") as scratch:
        root, draft = Path(scratch) / "root", Path(scratch) / "base.tar"
        command = ["debootstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}", "bookworm", root]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
        if done.returncode != 0:
            raise LackingError(f"debootstrap failed: {(done.stderr or done.stdout)[-2000:]}")
        _slim(root)
        subprocess.run(["tar", "--create", "--file", draft, "--directory", root, "."], check=True)
        draft.rename(archive)


def _slim(root: Path) -> None:
    for folder in _USELESS:
        shutil.rmtree(root / folder, ignore_errors=True)
        (root / folder).mkdir(parents=True)
    for compiled in root.rglob("__pycache__"):
        shutil.rmtree(compiled)
    for mark in (root / "usr/lib").glob("python3*/EXTERNALLY-MANAGED"):  # the official images have none
        mark.unlink()
