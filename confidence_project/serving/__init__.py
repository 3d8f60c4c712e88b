"""How gunicorn serves the site: whole requests come in, whole replies go out, however slow who is at the other end."""
