#!/bin/bash
# For what is called as a script: `bash entrypoint.sh`, `docker-entrypoint.sh mariadbd`.
exec /opt/stand-in/server.py "$@"
