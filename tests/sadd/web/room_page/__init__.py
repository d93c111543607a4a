"""The citizen's page, without a browser: tests/pages has it in one."""
