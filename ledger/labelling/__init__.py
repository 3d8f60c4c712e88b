"""The workbench of reviewers: which decision lies before whom, and what each of them answered."""
