import os
from pathlib import Path

from training.data.contents import Contents


def test_a_changed_photo_is_told_once_and_a_new_or_touched_one_is_not(tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("a.png", "b.png", "c.png")}
    for path in files.values():
        path.write_bytes(b"first")
    contents = Contents(tmp_path / "photos.json")
    assert contents.changed(files) == set()
    contents.save()

    files["a.png"].write_bytes(b"other")
    os.utime(files["a.png"], ns=(1, 1))
    os.utime(files["b.png"], ns=(1, 1))  # the same content at another time
    again = Contents(tmp_path / "photos.json")
    (tmp_path / "d.png").write_bytes(b"new")
    assert again.changed(files | {"d.png": tmp_path / "d.png"}) == {"a.png"}
    again.save()
    assert Contents(tmp_path / "photos.json").changed(files) == set()
