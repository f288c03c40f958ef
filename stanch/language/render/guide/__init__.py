"""The guide: a Plan as Markdown that a person without Stanch can follow by hand, on a phone or on paper.

`document` is the whole, `steps` a step, `work` its action, `undo` its way back; `commands` and what it
imports are what is typed; `values` and `words` are expressions as a person reads them; `people` is who is
asked.
"""

from stanch.language.render.guide.document import plan_guide
from stanch.language.render.guide.people import Climb, Facts

__all__ = ["Climb", "Facts", "plan_guide"]
