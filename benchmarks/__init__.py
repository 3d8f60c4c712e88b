"""Speed and coverage measurements. They print tables and write nothing into the tree."""
