"""The notebook, executed from top to bottom on a few generated photos."""

from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

from service.engine.manifest import load_manifest
from tests.conftest import REPOSITORY

NOTEBOOK = REPOSITORY / "notebooks" / "train_your_own.ipynb"


def test_the_notebook_in_the_repository_has_no_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def write_photos(root: Path) -> None:
    """Ten photos of noise in Kaggle's layout of Flickr8k, without a split."""
    (root / "Images").mkdir(parents=True)
    lines = ["image,caption"]
    for i in range(10):
        noise = np.random.default_rng(i).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(noise).resize((120, 90)).save(root / "Images" / f"{i}.png")
        lines += [f'{i}.png,"A dog runs, on a field ."', f"{i}.png,The dog number {i} ."]
    (root / "captions.txt").write_text("\n".join(lines))


@pytest.mark.tensorflow
@pytest.mark.artifact
def test_it_goes_from_photos_to_an_artifact_that_the_service_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_photos(tmp_path / "photos")
    for name, value in {
        "PROJECT": str(REPOSITORY),
        "DATA": str(tmp_path / "photos"),
        "OUTPUT": str(tmp_path / "output"),
        "EPOCHS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    assert load_manifest(tmp_path / "output" / "model_artifacts").name == "mine"
    assert (tmp_path / "output" / "model_artifacts.zip").is_file()
    printed = "".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])
    )
    assert "best dev CIDEr" in printed
    assert "| CIDEr |" in printed
