"""Everything that knows what a motion is. Imports nothing from LangChain or LangGraph."""
