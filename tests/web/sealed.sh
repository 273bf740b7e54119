#!/bin/bash
# The requests of protocol.py to the web system of sealed processes. timeout: 240
exec "$(dirname "$0")/protocol.py" --sealed
