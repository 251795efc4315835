"""OPEA's own client code (opea-comps 1.5 from PyPI) cannot tell our services from OPEA's.

Deselected by default: the package pins a hundred others (390 MB). ``pytest -m vendor`` installs it into
an environment of its own and runs it.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

CLIENT = Path(__file__).with_name("opea_comps_client.py")


@pytest.fixture(scope="module")
def comps_python(tmp_path_factory):
    folder = tmp_path_factory.mktemp("comps")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin/pip", "install", "--quiet", "opea-comps==1.5"], check=True)
    return folder / "bin/python"


@pytest.mark.vendor
@pytest.mark.parametrize("stream", [False, True])
def test_opea_s_orchestrator_runs_chatqna_over_our_services(pipeline, comps_python, stream):
    pipeline.ingest(("h2.md", b"The battery of the Halden H2 lasts 34 months.\n"))
    urls = {
        "embedding": pipeline.embedding.url,
        "retrieval": pipeline.retriever.url,
        "reranking": pipeline.reranking.url,
        "llm": pipeline.llm.url,
    }
    words = [json.dumps(urls), "How long does the battery of the Halden H2 last?"]
    printed = subprocess.run(
        [comps_python, CLIENT, *words, *(["stream"] if stream else [])],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    result = json.loads(printed.splitlines()[-1])
    if stream:
        assert result["stream"][-1].strip() == "data: [DONE]"
        chunks = [json.loads(part.removeprefix("data: ")) for part in result["stream"][:-1]]
        text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    else:
        text = result["answer"]
    assert "34 months" in text
