"""For agents: the gate as tools of the Model Context Protocol."""
