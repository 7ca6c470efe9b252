"""Labels from any text that names traces."""

import json

import pytest

from fluo_lab.errors import UsageError
from fluo_lab.mining import read_labels
from fluo_lab.mining.labels import Looks


def test_a_truth_file_a_list_and_a_post_mortem_give_the_same_labels(harmed_shop, tmp_path):
    ids = list(harmed_shop.harmed["retry-with-new-intent"])
    texts = {
        "truth.json": json.dumps({"incidents": [{"traces": ids}]}),
        "list.txt": "\n".join(reversed(ids)),
        "post-mortem.md": "# Charged twice\n\n" + "; ".join(f"trace `{i.upper()}` was hit" for i in ids),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        assert read_labels(tmp_path / name, harmed_shop.traces) == ids


def test_a_file_that_names_no_loaded_trace_is_refused(harmed_shop, tmp_path):
    path = tmp_path / "notes.md"
    path.write_text("nothing to see in deadbeefdeadbeefdeadbeefdeadbeef")
    with pytest.raises(UsageError, match=r"names none of the 8\d\d traces"):
        read_labels(path, harmed_shop.traces)


def test_a_file_that_is_not_there_is_refused(harmed_shop, tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_labels(tmp_path / "missing.md", harmed_shop.traces)


def test_the_earlier_half_of_the_good_traces_discovers_and_the_later_confirms(harmed_shop):
    bad = harmed_shop.harmed["retry-with-new-intent"]
    looks = Looks.of(harmed_shop.traces, bad, {}, judge_incomplete=False)
    assert not (looks.discover & looks.confirm).any()
    assert looks.bad.sum() == len(bad)
    assert abs(int(looks.discover.sum()) - int(looks.confirm.sum())) <= 1
    assert looks.discover.nonzero()[0].max() < looks.confirm.nonzero()[0].min()
