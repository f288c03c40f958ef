"""All rules, in the order of their codes."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check import (
    rb206_later_name,
    rb207_one_thing,
    rb208_duplicate_id,
    rb209_name_not_file,
    rb210_wrong_input,
    rb211_misplaced_word,
    rb212_no_title,
    rb213_stale_review,
    rb214_not_kept_yet,
    rb301_unknown_name,
    rb302_reads_later_step,
    rb303_undeclared_output,
    rb304_may_not_exist,
    rb305_unused_input,
    rb306_unused_output,
    rb307_verify_step,
    rb308_trigger_inputs,
    rb309_outside_its_loop,
    rb310_taken_name,
    rb402_list_result,
    rb501_unapproved_change,
    rb502_no_way_back,
    rb503_no_way_to_know,
    rb504_data_in_script,
    rb505_no_limit,
    rb506_nothing_to_approve,
    rb507_blind_retry,
    rb508_changing_check,
    rb509_nobody_can_approve,
    rb510_effect_not_said,
    rb511_impossible_effect,
    rb512_never_ends_well,
    rb513_starts_on_resolved,
    rb514_status_not_said,
)
from stanch.language.check.context import Context, Rule
from stanch.language.diagnostics import Diagnostic

RULES: tuple[Rule, ...] = (
    rb206_later_name.check,
    rb207_one_thing.check,
    rb208_duplicate_id.check,
    rb209_name_not_file.check,
    rb210_wrong_input.check,
    rb211_misplaced_word.check,
    rb212_no_title.check,
    rb213_stale_review.check,
    rb214_not_kept_yet.check,
    rb301_unknown_name.check,
    rb302_reads_later_step.check,
    rb303_undeclared_output.check,
    rb304_may_not_exist.check,
    rb305_unused_input.check,
    rb306_unused_output.check,
    rb307_verify_step.check,
    rb308_trigger_inputs.check,
    rb309_outside_its_loop.check,
    rb310_taken_name.check,
    rb402_list_result.check,
    rb501_unapproved_change.check,
    rb502_no_way_back.check,
    rb503_no_way_to_know.check,
    rb504_data_in_script.check,
    rb505_no_limit.check,
    rb506_nothing_to_approve.check,
    rb507_blind_retry.check,
    rb508_changing_check.check,
    rb509_nobody_can_approve.check,
    rb510_effect_not_said.check,
    rb511_impossible_effect.check,
    rb512_never_ends_well.check,
    rb513_starts_on_resolved.check,
    rb514_status_not_said.check,
)


def run_rules(context: Context) -> Iterator[Diagnostic]:
    """What every rule says about the document."""
    for rule in RULES:
        yield from rule(context)
