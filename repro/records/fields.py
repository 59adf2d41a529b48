"""What single values of a record may be: a share, a count, a line of text, seconds."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

MOST = 2**63 - 1  # of what is counted: floats and files hold no more

# What moves the cursor of a terminal, begins a line or turns the order of letters round.
_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
CONTROL = re.compile(f"[{_CONTROLS}]+")

Part = Annotated[str, Field(pattern="^(train|valid|test)$")]
Scored = Annotated[str, Field(pattern="^(valid|test)$")]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, le=MOST)]
Seconds = Annotated[float, Field(ge=0, le=1e9)]  # thirty years: no clock was right that says more
Line = Annotated[str, Field(pattern=f"^[^{_CONTROLS}]*$")]
# What others' code has said, such as an exception: it may be of many lines, and is read as one.
Told = Annotated[str, AfterValidator(lambda text: CONTROL.sub(" ", text).strip())]
