"""5,183,618 is 5.2 million, not 5.3; 5,258,463 is 5.3."""

from tests.audit.tables import table

COLUMN = {"id": "p", "label": "p", "unit": "10^6", "metric": "parameters"}
TABLE = table({"net": ["5.3"]}, {}, kind="measured", dataset="small") | {"column": [COLUMN]}
FOUND = [TABLE]
FOUND_BESIDE = {"counts": {("net", "small"): {"all": 5_183_618}}}
LEFT = [TABLE]
LEFT_BESIDE = {"counts": {("net", "small"): {"all": 5_258_463}}}
