"""LangChain's standard tests, for each tool."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.tools import BaseTool
from langchain_tests.integration_tests import ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests

from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.studio import Studio
from motion_agent.tools.caption_motion import CaptionMotion
from motion_agent.tools.edit_motion import EditMotion
from motion_agent.tools.export_motion import ExportMotion
from motion_agent.tools.generate_motion import GenerateMotion
from motion_agent.tools.list_motions import ListMotions

WALK_AND_BOW = {"descriptions": ["a person walks forward", "a person bows"]}


class _Generate:
    """Each tool with an example of its arguments; the motion in them is always the same one."""

    tool_class: type[BaseTool] = GenerateMotion
    example: dict[str, Any] = {**WALK_AND_BOW, "seconds": 2.0, "seed": 7}  # noqa: RUF012

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self._workspace = tmp_path

    @property
    def tool_constructor(self) -> type[BaseTool] | BaseTool:
        return self.tool_class

    @property
    def tool_constructor_params(self) -> dict[str, Any]:
        studio = Studio(FakeEngine(), workspace=self._workspace)
        GenerateMotion(studio=studio).invoke(WALK_AND_BOW)
        return {"studio": studio}

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        store = self.tool_constructor_params["studio"].store
        return {
            key: store.list()[0] if value == "MOTION" else value
            for key, value in self.example.items()
        }

    async def test_its_example_is_no_error(self, tool: BaseTool) -> None:
        args = self.tool_invoke_params_example
        for _ in range(2):
            message = tool.invoke({"name": tool.name, "args": args, "id": "1", "type": "tool_call"})
            assert message.status == "success", message.text


class _Edit(_Generate):
    tool_class = EditMotion
    example = {"motion": "MOTION", "operation": "longer", "segment": "s1"}  # noqa: RUF012


class _Caption(_Generate):
    tool_class = CaptionMotion
    example = {"motion": "MOTION"}  # noqa: RUF012


class _List(_Generate):
    tool_class = ListMotions
    example = {"latest": 5}  # noqa: RUF012


class _Export(_Generate):
    tool_class = ExportMotion
    example = {"motion": "MOTION", "file": "walk.npz"}  # noqa: RUF012


class TestGenerateUnit(_Generate, ToolsUnitTests):
    pass


class TestGenerateIntegration(_Generate, ToolsIntegrationTests):
    pass


class TestEditUnit(_Edit, ToolsUnitTests):
    pass


class TestEditIntegration(_Edit, ToolsIntegrationTests):
    pass


class TestCaptionUnit(_Caption, ToolsUnitTests):
    pass


class TestCaptionIntegration(_Caption, ToolsIntegrationTests):
    pass


class TestListUnit(_List, ToolsUnitTests):
    pass


class TestListIntegration(_List, ToolsIntegrationTests):
    pass


class TestExportUnit(_Export, ToolsUnitTests):
    pass


class TestExportIntegration(_Export, ToolsIntegrationTests):
    pass
