"""What `gunicorn confidence_project.wsgi` reads where it is started; options of the command win."""

# Threads that wait for no client: requests are gathered first, and slow ones cut.
worker_class = "confidence_project.serving.worker.BufferingWorker"
threads = 8
# Of a worker, with those that are only kept open; when there are more, the oldest unfinished request goes.
worker_connections = 1000
# Longer than proxies and clients keep a silent connection, so that it is they who close it.
keepalive = 75
# Replies go through the worker's own buffers.
sendfile = False
