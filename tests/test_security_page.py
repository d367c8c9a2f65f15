"""Each sentence of the page on security names the test that backs it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = "docs/how-to/security.md"
BACKED_BY = {
    "see no file at all unless": "test_tools.py::test_without_a_workspace_no_file_is_read",
    "must lead to a regular file": "test_hostile_files.py::test_no_name_reads_outside",
    "replaced by a link": "test_workspace_races.py::test_nothing_outside_is_read",
    "never overwritten": "test_hostile_files.py::test_nothing_that_is_there_is_written",
    "never reveal where the folder is": "test_hostile_files.py::test_messages_do_not_tell_where",
    "larger than 100 MB": "test_hostile_files.py::test_a_gigantic_file_is_refused",
    "in place of a file are not read": "test_hostile_places.py::test_what_is_no_file_is_not",
    "nothing is appended to that file": "test_hostile_places.py::test_nothing_is_added_to_the",
    "Compressed weights": "test_hostile_values.py::test_weights_that_are_packed",
    "nested too deeply and arrays": "test_hostile_values.py::test_a_hostile_array_is_an_error",
    "with views or triggers": "test_hostile_places.py::test_a_database_that_does_work",
    "are checked when it is read": "test_hostile_conversations.py::test_numbers_in_a_file",
    "at most 2 GB": "test_hostile_sizes.py::test_what_a_file_may_take_is_bounded",
    "pip starts in an empty one": "test_hostile_folder.py::test_pip_is_not_taken",
    "cannot call anything": "test_conversation_file.py::test_a_planted_database_calls_nothing",
    "`langgraph dev`": "test_conversation_file.py::test_the_server_is_strict_too",
    "without custom code": "test_hostile_folder.py::test_models_are_loaded_without_code",
    "read without pickle": "test_formats_arrays.py::test_pickled_arrays_are_refused",
    "YAML is read without": "test_hostile_sizes.py::test_yaml_with_aliases",
    "shown once its turn is saved": "test_conversation_file.py::test_what_was_told_after_the_clock",
    "after a kill": "test_kills.py::test_what_was_told_before_a_kill",
    "two programs write to": "test_conversation_file.py::test_two_programs_lose_nothing",
    "ends the turn but not": "test_hostile_conversations.py::test_an_unexpected_error_ends",
    "and then dropped": "test_hostile_conversations.py::test_what_ends_the_program_twice",
    "a closed terminal end a chat": "test_cli_chat.py::test_a_polite_end_ends",
    "no longer holds up the others": "test_batching_hangs.py::test_the_others_of_a_batch",
    "the most recently used": "test_hostile_sizes.py::test_a_store_in_memory_forgets",
    "never become special tokens": "test_motionllm_decoding.py::test_lengths_are_kept_and",
    "in quotes, on one line": "test_hostile_material.py::test_words_of_a_file_are_not_obeyed",
    "shown as code points": "test_hostile_material.py::test_hidden_characters_are_shown",
    "forbids the browser": "test_rendering_player.py::test_the_page_names_nothing_outside",
    "sandboxed frame": "test_rendering_player.py::test_a_notebook_gets_the_whole_page",
    "do not reach the terminal": "test_cli_files.py::test_control_characters_do_not_reach",
    "by their owner alone": "test_hostile_sizes.py::test_what_is_kept_can_be_read",
    "no absolute paths": "test_hostile_material.py::test_no_places_and_no_other_files_are_sent",
    "stored without keys": "test_hostile_material.py::test_errors_of_providers_are_cleaned",
    "without passwords": "test_hostile_material.py::test_addresses_are_told_without",
    "at every load": "test_motionllm_checkpoint.py::test_missing_and_damaged_files",
    "rebuilt if a single bit differs": "test_motionllm_backbone.py::test_flipped_signs",
    "one pinned revision is downloaded": "test_motionllm_backbone.py::test_the_hub_s_files",
    "nothing here sets it": "test_security_page.py::test_nothing_sets_tracing",
}


@pytest.mark.parametrize("claim", BACKED_BY)
def test_each_claim_is_on_the_page_and_backed(claim: str, repository: Path) -> None:
    page = " ".join((repository / PAGE).read_text(encoding="utf-8").split())
    assert claim in page
    file, _, name = BACKED_BY[claim].partition("::")
    code = (repository / "tests" / file).read_text(encoding="utf-8")
    assert f"def {name}" in code


def test_each_bullet_of_the_page_is_backed(repository: Path) -> None:
    text = (repository / PAGE).read_text(encoding="utf-8")
    bullets = re.findall(r"^- (.+?)(?=\n- |\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(bullets) > 20
    plain = ("send nothing", "The first start downloads", "The offline planner")
    for bullet in (" ".join(bullet.split()) for bullet in bullets):
        assert any(claim in bullet for claim in (*BACKED_BY, *plain)), bullet


def test_each_attack_can_be_tried_again(repository: Path) -> None:
    text = (repository / PAGE).read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| [^|]+\|[^|]+\|[^|]+\|[^|]+\| `([\w.]+)(?:::(\w+))?` \|$", text, re.MULTILINE
    )
    table = text.partition("## What was tried")[2]
    assert len(rows) == table.count("\n| ") - 1 > 20
    for file, name in rows:
        folder = "tests" if file.startswith("test_") else "benchmarks"
        code = (repository / folder / file).read_text(encoding="utf-8")
        assert f"def {name}" in code, (file, name)


def test_nothing_sets_tracing(repository: Path) -> None:
    for folder in ("agent_graph", "motion_core", "tools", "prompts", "src/motion_agent"):
        for path in (repository / folder).rglob("*.py"):
            code = path.read_text(encoding="utf-8")
            assert "LANGSMITH" not in code and "LANGCHAIN_TRACING" not in code, path
