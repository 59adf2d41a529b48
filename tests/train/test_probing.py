"""Networks that a plan has built: what a user's file can do wrong is told with file and line."""

import pytest
import torch

from repro import identity, places
from repro.commands.new import model as texts
from repro.train.probing import kernels, process

NET = texts.network("net")
SHAPE = (50, 16)  # frames, mels
DRAWS = "does not follow from the seed"


@pytest.fixture
def look(tmp_path, monkeypatch):
    """Return what is known at last of the network of a file's text."""
    monkeypatch.setenv("REPRO_EXTENSIONS", str(tmp_path / "extensions"))
    file = tmp_path / "extensions" / "models" / "net.py"
    file.parent.mkdir(parents=True)

    def ask(text, front=("fbank", {"frames": SHAPE[0], "mels": SHAPE[1]}), **args):
        file.write_text(text)
        digest = identity.content_digest(text.encode())
        job = {"model": {"name": "net", "args": args, "version": digest}, "classes": 3,
               "frontend": {"name": front[0], "args": front[1]}, "seconds": 1.0}  # fmt: skip
        return list(process.look(job, places.home(tmp_path)))[-1]

    return ask


def changed(old, new):
    assert NET.count(old) == 1, old
    return NET.replace(old, new)


def line_of(text, part):
    return next(i for i, line in enumerate(text.splitlines(), 1) if part in line)


@pytest.mark.parametrize(
    "front", [("fbank", {"frames": 50, "mels": 16}), ("waveform", {"rate": 8000})]
)
def test_the_file_that_new_writes_is_fine(look, front):
    found = look(NET, front)
    assert (found["error"], found["remarks"]) == ("", [])
    first = 16 * 16 * 5 if front[0] == "fbank" else 16 * 129  # weights of the first layer
    assert found["parameters"] == first + 16 + 2 * 16 + 32 * 16 * 5 + 32 + 3 * 32 + 3


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("def build(classes", "def build(classes classes", "invalid syntax"),
        ("import torch\n", "import torch\nimport nowhere_at_all\n", "No module named"),
        ("import torch\n", "import torch\n1 / 0\n", "ZeroDivisionError"),
        ("return Net(", "return (", "returns tuple, no torch.nn.Module"),
        ("return self.head(x.mean(dim=2))", "return self.head(x.mean(dim=1))", "RuntimeError"),
        ("return self.head(x.mean(dim=2))", "return x.mean(dim=2)", "returns (2, 32) for 2 clips"),
        ("return self.head(x.mean(dim=2))", "return {'y': x}", "returns dict, not logits"),
        ("def init_parameter(", "def initial(", "has no init_parameter"),
        ("classes: int, input_shape: tuple[int, ...], width: int = 16)", "classes: int)",
         "TypeError"),
        ("x = self.second(x)", "x = self.second(x.cuda())", "line 33"),
        ("super().__init__()\n", "raise ValueError('no such width')\n", "no such width"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_trained_is_named(look, old, new, error):
    found = look(changed(old, new))
    assert found["error"].startswith("net.py")
    assert error in found["error"]


def test_a_line_is_that_of_the_users_file(look):
    text = changed("x = self.second(x)", "x = self.second(x[:, :1])")
    assert look(text)["error"].startswith(f"net.py, line {line_of(text, 'self.second(x[')}: ")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("    return Net(", "    net = Net(", DRAWS),
        ("\n\ndef build", "\n\nKEPT = torch.randn(3, 3)\n\n\ndef build", DRAWS),
    ],
)
def test_what_is_drawn_where_it_is_built_or_imported_does_not_follow_from_the_seed(
    look, old, new, told
):
    text = changed(old, new)
    if "net = " in new:
        text = text.replace(
            "    net = Net(classes, input_shape, width)",
            "    net = Net(classes, input_shape, width)\n"
            "    net.register_buffer('b', torch.randn(3))\n    return net",
        )
    else:
        text = text.replace(
            "        super().__init__()\n",
            "        super().__init__()\n        self.register_buffer('b', KEPT.cpu())\n",
        )
    assert told in look(text)["error"]


@pytest.mark.parametrize(
    ("draw", "fine"),
    [
        ("torch.rand_like(x)", True),  # seeded in every epoch
        ("__import__('random').random()", False),
        ("__import__('numpy').random.rand()", False),
    ],
)
def test_forward_draws_from_pytorchs_generator_alone(look, draw, fine):
    found = look(changed("x = self.second(x)", f"x = x + {draw}\n        x = self.second(x)"))
    assert (found["error"] == "") is fine
    assert fine or "two passes over the same clips differ" in found["error"]


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("nn.functional.pad(x, (1, 1), mode='reflect')", "reflection padding"),
        ("nn.functional.adaptive_avg_pool2d(x[:, None], (16, 4))[:, 0]", "adaptive average"),
        ("x.cumsum(dim=2)", "the cumulative sum"),
        ("x - x.median(dim=2, keepdim=True).values", "the median"),
        ("nn.functional.interpolate(x, scale_factor=2, mode='linear')", "linear interpolation"),
        ("nn.functional.adaptive_avg_pool1d(x, 1)", ""),  # a mean: it has one
        ("nn.functional.interpolate(x, scale_factor=2)", ""),
        ("x[:, torch.arange(15, -1, -1)]", ""),
        ("nn.functional.dropout(x, 0.5)", ""),
    ],
)
def test_operations_without_a_deterministic_kernel_are_told_with_their_line(look, code, what):
    text = changed("x = self.second(x)", f"x = {code}\n        x = self.second(x)")
    found = look(text)
    assert found["error"] == ""
    if not what:
        assert found["remarks"] == []
        return
    (remark,) = found["remarks"]
    assert remark.startswith(f"net.py, line {line_of(text, code)}: {what}")


def test_a_file_that_asks_for_determinism_itself_is_told_of_every_such_operation(look):
    line = "        x = self.second(x)"
    text = changed(
        line, f"{line}.cumsum(dim=2)\n        x = x - x.median(dim=2, keepdim=True).values"
    )
    found = look(
        text.replace(
            "import torch\n", "import torch\ntorch.use_deterministic_algorithms(True)\n", 1
        )
    )
    assert found["error"] == ""
    assert [r.split(": ")[1].split(" (")[0] for r in found["remarks"]] == [
        "the cumulative sum",
        "the median with its place",
    ]


def test_numbers_that_are_none_and_too_many_parameters_are_said(look):
    bad = look(changed("x = self.second(x)", "x = self.second(x / 0)"))
    assert bad["error"] == ""
    assert "not finite" in bad["remarks"][0]
    huge = look(NET, width=10**6)  # its second layer has 10^13 weights
    assert "GiB, this machine has" in huge["error"]


def test_a_file_that_needs_values_to_be_built_or_passed_is_looked_at_all_the_same(look):
    built = changed("        self.head =", "        float(torch.ones(1))\n        self.head =")
    assert look(built)["error"] == ""
    asked = changed("x = self.second(x)", "x = self.second(x) if x.sum() else x")
    assert look(asked)["error"] == ""


def test_prints_do_not_disturb_and_a_changed_file_is_refused(look, tmp_path, capfd):
    assert look(changed("import torch\n", "import torch\nprint('loud')\n"))["error"] == ""
    job = {"model": {"name": "net", "args": {}, "version": "sha256:0"}}
    (found,) = process.look(job, places.home(tmp_path))
    assert "the file has changed" in found["error"]


def test_listed_operations_are_those_of_pytorch():
    for name in kernels.NO_KERNEL:
        short, _, overload = name.partition(".")
        packet = getattr(torch.ops.aten, short)
        assert not overload or overload in packet.overloads()
