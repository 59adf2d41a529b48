"""The files of a new table: a paper, its recipes, and a table with a trained and a quoted row."""

_PAPER = """# NAME: the paper. repro list shows it after the others.
title = "The paper's title"
short = "NAME"
authors = ["A. Author"]
year = 2025
order = 100
url = "https://example.org/paper"
bibtex = "@article{NAME, title = {The paper's title}, author = {Author, A.}, year = {2025}}"
"""

_RECIPES = """# What the tables of NAME share; an [[assumption]] for all that it leaves open.
[frontends.fbank]
name = "fbank"
rate = 16000
mels = 64
frames = 500

[systems.mysystem]
label = "My system"
model = "m3net"  # a model of the suite, or one of yours: repro new model
frontend = "fbank"
args = { width = 16, depth = 2 }

[recipes.main]
source = "which sentence of the paper says what"
epochs = 100
batch = 64
precision = "fp32"
loss = "ce"
select = "valid"
optimizer = { name = "adam", lr = 1e-3 }
schedule = { name = "constant" }

[recipes.main.demo]
clips = { train = 200, valid = 40, test = 40 }
frontend = { frames = 100, mels = 32 }
model = { width = 8 }
recipe = { epochs = 4, batch = 32 }

[[assumption]]
key = "lr"
title = "learning rate"
path = "recipe.optimizer.lr"
why = "Not stated. Adam's default."
alternatives = [{ value = 3e-4, why = "common for larger networks" }]
"""

_TABLE = """# repro table NAME-results
# 15 runs: 1 system x 3 seeds x 5 folds.
number = "1"
order = 1
printed_in = "Section 4"
title = "My system on ESC-50"
caption = "Results"
stub = "Method"
dataset = "esc50"
protocol = "official"

[[protocols]]
name = "official"
kind = "official"
folds = 5
valid = 0.1
why = "The five folds that come with the dataset; a tenth of the training folds validates."

[statistics]
unit = "pass"
decider = "corrected-t"
primary = ["accuracy"]

[[column]]
id = "accuracy"
label = "Accuracy (%)"
unit = "%"
kind = "trained"
metric = "test.accuracy"
reduce = "mean"

[[row]]
id = "other"
label = "Another method"
kind = "cited"
source = "who measured it"
cells = ["64.5"]

[[row]]
id = "mine"
label = "My system"
system = "mysystem"
recipe = "main"
seeds = [0, 1, 2]
cells = ["70.1"]
"""


def files(name: str) -> dict[str, str]:
    """Return what each file of a new paper holds."""
    made = {"paper.toml": _PAPER, "recipes.toml": _RECIPES, "results.toml": _TABLE}
    return {file: text.replace("NAME", name) for file, text in made.items()}
